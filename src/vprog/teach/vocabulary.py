"""Words that a student does not know: models with a word-level tokenizer learn new ones.

Tiny models such as the zoo's know a few hundred words, and a target may need others. Models that
read pieces of words know every word and need nothing of this.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from vprog.errors import InputError

_EMBEDDING = "embeddings.token_embedding.weight"


def unknown_words(model: Path, phrases: Iterable[str]) -> list[str]:
    """The words of phrases that a model reads as its unknown token, in the order of the alphabet.

    Args:
        model: Folder of the model.
        phrases: What programs ask.

    Returns:
        None for models that read pieces of words.

    Raises:
        InputError: The tokenizer cannot be read.
    """
    read = _tokenizer(model)
    if read["model"].get("type") != "WordLevel":
        return []
    from tokenizers import Tokenizer

    tokenizer = Tokenizer.from_file(str(model / "tokenizer.json"))
    unknown = tokenizer.token_to_id(read["model"]["unk_token"])
    found = set()
    for phrase in phrases:
        said = tokenizer.encode(phrase.lower(), add_special_tokens=False)
        for number, (start, end) in zip(said.ids, said.offsets, strict=True):
            if number == unknown:
                found.add(phrase.lower()[start:end])
    return sorted(found)


def add_words(model: Path, words: Iterable[str], out: Path, seed: int = 0) -> Path:
    """Writes a copy of a CLIP or OWL model that has embeddings of its own for new words.

    They start as noise as wide as the known ones; everything that the model knew it answers as
    before. The end-of-text token stays the one with the highest id, which these models pool by.

    Args:
        model: Folder of a model with a word-level tokenizer.
        words: New ones; those that it knows are left out.
        out: Folder of the copy.
        seed: Of the noise.

    Returns:
        ``out``.

    Raises:
        InputError: The tokenizer is none of words, or the model none of the two.
    """
    import torch
    from safetensors.torch import load_file, save_file

    read = _tokenizer(model)
    if read["model"].get("type") != "WordLevel":
        raise InputError(f"{model} reads pieces of words, so there is no word to add")
    config = json.loads((model / "config.json").read_text("utf-8"))
    weights = load_file(model / "model.safetensors")
    keys = [key for key in weights if key.endswith(_EMBEDDING)]
    text = config.get("text_config", {})
    known: dict[str, int] = read["model"]["vocab"]
    last = len(known) - 1
    if len(keys) != 1 or config.get("model_type") not in ("clip", "owlvit", "owlv2"):
        kind = config.get("model_type")
        raise InputError(f"words can be added to CLIP and OWL models, not to {kind} in {model}")
    new = [word for word in dict.fromkeys(words) if word not in known]
    old = weights[keys[0]]
    torch.manual_seed(seed)
    rows = torch.randn(len(new), old.shape[1]) * old.float().std() + old.float().mean(0)
    weights[keys[0]] = torch.cat([old[:last], rows.to(old.dtype), old[last:]]).contiguous()
    end = last + len(new)
    for word, number in [*known.items()]:
        if number == last:
            known[word] = end
    known.update({word: last + n for n, word in enumerate(new)})
    _renumber(read, last, end)
    text["vocab_size"] = end + 1
    if text.get("eos_token_id") == last:
        text["eos_token_id"] = end
    out.mkdir(parents=True, exist_ok=True)
    for path in model.iterdir():
        if path.suffix in (".json", ".txt", ".jinja"):
            shutil.copyfile(path, out / path.name)
    save_file(weights, out / "model.safetensors", {"format": "pt"})
    (out / "config.json").write_text(json.dumps(config, indent=2) + "\n", "utf-8")
    (out / "tokenizer.json").write_text(json.dumps(read, indent=2) + "\n", "utf-8")
    return out


def _renumber(tokenizer: dict[str, Any], before: int, after: int) -> None:
    """The end-of-text token's new id wherever a tokenizer's file says it."""
    for token in tokenizer.get("added_tokens") or ():
        if token["id"] == before:
            token["id"] = after
    special = (tokenizer.get("post_processor") or {}).get("special_tokens") or {}
    for token in special.values():
        token["ids"] = [after if number == before else number for number in token["ids"]]


def _tokenizer(model: Path) -> dict[str, Any]:
    path = model / "tokenizer.json"
    try:
        read: dict[str, Any] = json.loads(path.read_text("utf-8"))
        read["model"]["type"]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise InputError(f"cannot read the tokenizer {path}: {error}") from None
    return read
