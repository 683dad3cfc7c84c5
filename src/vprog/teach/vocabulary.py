"""Words that a student does not know: models with a word-level tokenizer learn new ones.

Tiny models such as the zoo's know a few hundred words, and a target may need others. Models that
read pieces of words know every word and need nothing of this.
"""

from __future__ import annotations

import dataclasses
import json
import shutil
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from vprog.console import note
from vprog.errors import InputError

if TYPE_CHECKING:
    from vprog.tools.backends.hf.settings import ModelSettings

_EMBEDDINGS = ("text_model.embeddings.token_embedding.weight", ".word_embeddings.weight")
_GROW = ("clip", "owlvit", "owlv2", "vilt")
"""Families that words can be added to."""
_PIECES = ("merges.txt", "vocab.txt")
"""Older checkpoints have no tokenizer.json but one of these, which hold pieces of words."""


def knowing(
    tool: str, student: ModelSettings, phrases: Iterable[str], out: Path, seed: int = 0
) -> ModelSettings:
    """A student that tells the words of phrases apart: itself, or a copy with more words.

    Args:
        tool: What it answers.
        student: Its settings.
        phrases: What it will be taught.
        out: Folder of the copy.
        seed: Of the new words' embeddings.

    Returns:
        The settings, of the copy where one was made. A model that words cannot be added to, or
        that has adapters, stays as it is.

    Raises:
        InputError: Its files cannot be read.
    """
    from vprog.tools.backends.hf.source import find_source

    source = find_source(student.model, student.revision, "student")
    if student.adapters or source.model_type not in _GROW:
        return student
    new = unknown_words(source.folder, phrases)
    if not new:
        return student
    note(f"{tool} gets words that it does not know: {', '.join(new)}")
    add_words(source.folder, new, out, seed)
    return dataclasses.replace(student, model=str(out), revision=None)


def as_wide(before: ModelSettings, student: ModelSettings, out: Path) -> ModelSettings:
    """The student before with all words of the student now, so that both read the same tokens.

    Args:
        before: Settings of the student before.
        student: Of the student now: the same model with more words, or taught since.
        out: Folder of the copy.

    Returns:
        The settings, of the copy where one was made.

    Raises:
        InputError: Files cannot be read.
    """
    from vprog.tools.backends.hf.source import find_source

    old, now = (find_source(s.model, s.revision, "student") for s in (before, student))
    if before.adapters or now.model_type not in _GROW:
        return before
    read = _tokenizer(now.folder)["model"]
    if read["type"] != "WordLevel":
        return before
    known = _tokenizer(old.folder)["model"]["vocab"]
    more = [word for word in sorted(read["vocab"], key=read["vocab"].get) if word not in known]
    if not more:
        return before
    add_words(old.folder, more, out)
    return dataclasses.replace(before, model=str(out), revision=None)


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

    from vprog.tools.backends.hf.words import unread

    tokenizer = Tokenizer.from_file(str(model / "tokenizer.json"))
    unknown = tokenizer.token_to_id(read["model"]["unk_token"])
    return sorted(unread(tokenizer, unknown, (phrase.lower() for phrase in phrases)))


def add_words(model: Path, words: Iterable[str], out: Path, seed: int = 0) -> Path:
    """Writes a copy of a CLIP, OWL or ViLT model that has embeddings of its own for new words.

    They start as noise as wide as the known ones; everything that the model knew it answers as
    before. The end-of-text token stays the one with the highest id, by which CLIP and OWL pool.

    Args:
        model: Folder of a model with a word-level tokenizer.
        words: New ones; those that it knows are left out.
        out: Folder of the copy.
        seed: Of the noise.

    Returns:
        ``out``.

    Raises:
        InputError: The tokenizer is none of words, or the model none of the three.
    """
    import torch
    from safetensors.torch import load_file, save_file

    read = _tokenizer(model)
    if read["model"].get("type") != "WordLevel":
        raise InputError(f"{model} reads pieces of words, so there is no word to add")
    config = json.loads((model / "config.json").read_text("utf-8"))
    weights = load_file(model / "model.safetensors")
    keys = [key for key in weights if key.endswith(_EMBEDDINGS)]
    text = config.get("text_config", config)
    known: dict[str, int] = read["model"]["vocab"]
    last = len(known) - 1
    if len(keys) != 1 or config.get("model_type") not in _GROW:
        kind = config.get("model_type")
        raise InputError(
            f"words can be added to CLIP, OWL and ViLT models, not to {kind} in {model}"
        )
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
    if not path.is_file() and any((model / name).is_file() for name in _PIECES):
        return {"model": {"type": "pieces"}}
    try:
        read: dict[str, Any] = json.loads(path.read_text("utf-8"))
        read["model"]["type"]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise InputError(f"cannot read the tokenizer {path}: {error}") from None
    return read
