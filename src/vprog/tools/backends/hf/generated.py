"""What a generating model wrote: text and the probability of its words."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

_TOKENS = (
    "bos_token_id", "decoder_start_token_id", "eos_token_id", "forced_bos_token_id", "pad_token_id"
)  # fmt: skip
"""What a generation config says of special tokens; some models do not begin or end without it."""
_IDLE = (
    "_from_model_config", "cache_implementation", "do_sample", "max_length", "max_new_tokens",
    "output_attentions", "output_hidden_states", "temperature", "top_k", "top_p",
    "transformers_version", "use_cache",
)  # fmt: skip
"""What it says that changes nothing where tokens are not drawn and their number is given."""


def read_generated(
    out: Any, tokenizer: Any, ends: set[int], prompt: int = 0
) -> list[tuple[str, float]]:
    """Texts and scores of a greedy ``generate``.

    Args:
        out: What ``generate`` returned, with ``output_logits`` if scores are wanted.
        tokenizer: Of the model.
        ends: Ids of tokens that end a text or fill what follows; see ``end_ids``.
        prompt: Tokens that rows begin with; needed without logits.

    Returns:
        For each row the text without special tokens, and the product of the probabilities of its
        tokens, the end token included, in [0, 1]; 0 without logits.
    """
    import torch

    if out.logits is None:
        written = out.sequences[:, prompt:]
        chosen = torch.full(written.shape, -torch.inf)
    else:
        steps = torch.stack(out.logits, dim=1).float()
        written = out.sequences[:, -steps.shape[1] :]
        chosen = steps.log_softmax(-1).gather(-1, written.unsqueeze(-1)).squeeze(-1)
    ended = torch.isin(written, torch.tensor(sorted(ends), device=written.device))
    # A row that ended is padded while others go on: what follows its first end does not count.
    after = ended.cumsum(1) - ended.long() > 0
    scores = chosen.masked_fill(after.to(chosen.device), 0).sum(1).exp().tolist()
    texts = tokenizer.batch_decode(
        written.masked_fill(after | ended, min(ends)), skip_special_tokens=True
    )
    return [(text.strip(), round(score, 6)) for text, score in zip(texts, scores, strict=True)]


def short_answer(text: str) -> str:
    """What a model wrote as an answer that programs compare: one line, lower case, no full stop."""
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return lines[0].rstrip(".").strip().lower() if lines else ""


def end_ids(model: Any, tokenizer: Any) -> set[int]:
    """Ids after which nothing that a model writes counts: what it stops at, and padding.

    A model may stop at other tokens than its tokenizer's end (the end of a turn, say).
    """
    stops = getattr(model.generation_config, "eos_token_id", None)
    found = set(stops) if isinstance(stops, list | tuple) else {stops}
    found |= {tokenizer.eos_token_id, tokenizer.sep_token_id, tokenizer.pad_token_id}
    return {int(n) for n in found if n is not None and n >= 0}


def write_plainly(model: Any) -> None:
    """Drops a checkpoint's own ways of writing (penalties, beams, bans); keeps its special tokens.

    ``generate`` fills what it is not told in from them.
    """
    from transformers import GenerationConfig

    for part in model.modules():
        own = getattr(part, "generation_config", None)
        if own is not None:
            kept = {name: getattr(own, name, None) for name in _TOKENS}
            part.generation_config = GenerationConfig(**kept)


def has_own_ways(folder: Path) -> bool:
    """Whether a checkpoint says something that ``write_plainly`` drops and that could be seen.

    Fingerprints name it: results that were kept while generate still applied it are others.
    """
    try:
        said = json.loads((folder / "generation_config.json").read_text("utf-8"))
    except (OSError, ValueError):
        return False
    return isinstance(said, dict) and bool(said.keys() - {*_TOKENS, *_IDLE})
