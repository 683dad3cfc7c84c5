"""Words that a model cannot read: tiny ones with a vocabulary of whole words know a few hundred."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

from vprog.console import note

if TYPE_CHECKING:
    from tokenizers import Tokenizer

MOST = 8
"""Words that are told."""


def unread(tokenizer: Tokenizer, unknown: int | None, texts: Iterable[str]) -> list[str]:
    """The words of texts that are read as the unknown token, in the order of their appearance.

    Args:
        tokenizer: Of the model.
        unknown: Id of its unknown token; None where it reads everything.
        texts: What is read.
    """
    found: dict[str, None] = {}
    if unknown is None:
        return []
    name = tokenizer.id_to_token(unknown)
    for text in texts:
        said = tokenizer.encode(text, add_special_tokens=False)
        for number, (start, end) in zip(said.ids, said.offsets, strict=True):
            if number == unknown and text[start:end] != name:
                found[text[start:end]] = None
    return list(found)


class Unread:
    """Tells once that a model meets words that it cannot read."""

    def __init__(self, who: str, tokenizer: Any) -> None:
        """Takes a model's tokenizer.

        Args:
            who: The model, as it is told.
            tokenizer: Of transformers.
        """
        self._who, self._tokenizer = who, tokenizer
        others = (tokenizer.bos_token_id, tokenizer.eos_token_id, tokenizer.pad_token_id)
        unknown = tokenizer.unk_token_id  # where it is also the end, the model reads bytes
        self._unknown = unknown if tokenizer.is_fast and unknown not in others else None

    def look(self, texts: Sequence[str], ids: Sequence[Sequence[int]]) -> None:
        """Looks at texts and their tokens."""
        unknown = self._unknown
        if unknown is None or not any(unknown in tokens for tokens in ids):
            return
        words = unread(self._tokenizer.backend_tokenizer, unknown, texts)
        if words:
            self._unknown = None
            said = ", ".join(map(repr, words[:MOST]))
            if len(words) > MOST:
                said += f" and {len(words) - MOST} more"
            note(f"{self._who} does not know {said}: what it makes of such words is a guess")
