"""Models of the Hugging Face hub: what is here, what a download would bring, and the download."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from vprog.console import note
from vprog.errors import InputError
from vprog.tools.backends.hf.runtime import require

_PATTERNS = ("*.json", "*.txt", "*.model", "*.jinja", "*.safetensors")
_BIN = ("*.json", "*.txt", "*.model", "*.jinja", "pytorch_model*.bin")
_PIPELINE = (*_PATTERNS, *(f"*/{pattern}" for pattern in _PATTERNS))
_READERS = (
    "preprocessor_config.json", "processor_config.json", "tokenizer.json", "tokenizer_config.json",
    "vocab.json", "vocab.txt",
)  # fmt: skip
"""A model has one of these at least: what makes its inputs."""


@dataclass(frozen=True, slots=True)
class Download:
    """What a download would bring.

    Attributes:
        model: Hub id.
        revision: Commit.
        files: Number of files.
        bytes: Their size together.
        patterns: Which files of the repository.
    """

    model: str
    revision: str
    files: int
    bytes: int
    patterns: tuple[str, ...]

    def __str__(self) -> str:
        """``org/name (commit 0123abc): 9 files, 620.0 MB``."""
        size = f"{self.bytes / 1e9:.1f} GB" if self.bytes >= 1e9 else f"{self.bytes / 1e6:.1f} MB"
        return f"{self.model} (commit {self.revision[:7]}): {self.files} files, {size}"


def cached(model: str, revision: str | None = None) -> Path | None:
    """The folder of a hub model that is on this machine as a whole, or None."""
    return _kept(model, revision, (_PATTERNS, _BIN), ["*/*"])


def _kept(
    model: str,
    revision: str | None,
    choices: Sequence[Sequence[str]],
    ignored: list[str] | None = None,
) -> Path | None:
    """The folder in the hub's cache that holds all files of one of ``choices``, or None."""
    for patterns in choices:
        found = _snapshot(model, revision, patterns, ignored)
        if found is not None and not _lacks(found):
            return found
    return None


def _snapshot(
    model: str, revision: str | None, patterns: Sequence[str], ignored: list[str] | None = None
) -> Path | None:
    """The folder in the hub's cache, whatever of the model is there; None where there is none."""
    require(("huggingface_hub",))
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import LocalEntryNotFoundError

    try:
        found = snapshot_download(
            model,
            revision=revision,
            allow_patterns=list(patterns),
            ignore_patterns=ignored,
            local_files_only=True,
        )
    except LocalEntryNotFoundError:
        return None
    return Path(found)


def _lacks(folder: Path) -> str:
    """What a folder lacks of a model or a pipeline; "" where it is whole."""
    from vprog.tools.backends.hf.source import weight_files

    if (folder / "model_index.json").is_file():
        parts = _parts(folder)
        wrong = [name for name in parts if not _is_part(folder / name)]
        return wrong[0] if wrong else ("" if parts else "parts")
    if not (folder / "config.json").is_file():
        return "config.json"
    try:
        weight_files(folder)
    except InputError:
        return "weights"
    if not any((folder / name).is_file() for name in _READERS):
        return "a processor and a tokenizer"
    return ""


def _parts(folder: Path) -> list[str]:
    """The folders of a pipeline's parts: ``unet``, ``tokenizer``, ...; null ones are left out."""
    try:
        said = json.loads((folder / "model_index.json").read_text(encoding="utf-8"))
    except ValueError:
        return ["model_index.json"]
    entries = said.items() if isinstance(said, dict) else ()
    return [name for name, kind in entries if isinstance(kind, list) and None not in kind]


def _is_part(folder: Path) -> bool:
    """Whether a part of a pipeline has files: weights, too, if it is a model."""
    if not folder.is_dir() or not any(folder.iterdir()):
        return False
    weights = (*folder.glob("*.safetensors"), *folder.glob("*.bin"))
    return bool(weights) or not (folder / "config.json").is_file()


def plan(model: str, revision: str | None, where: str) -> Download:
    """Asks the hub what a download would bring.

    Raises:
        InputError: No such model or revision, access refused, or no network.
    """
    require(("huggingface_hub",))
    from huggingface_hub import HfApi
    from huggingface_hub.utils._paths import filter_repo_objects

    try:
        info = HfApi().model_info(model, revision=revision, files_metadata=True, timeout=20)
    except Exception as error:
        raise InputError(_said(error, model, revision, where)) from None
    found = info.siblings or []
    safe = any(f.rfilename == "model.safetensors" or _is_index(f.rfilename) for f in found)
    if any(f.rfilename == "model_index.json" for f in found):
        patterns = _PIPELINE
    else:
        patterns = _PATTERNS if safe else _BIN
        found = [f for f in found if "/" not in f.rfilename]
    files = list(filter_repo_objects(found, allow_patterns=list(patterns), key=_name))
    return Download(
        model, str(info.sha), len(files), sum(f.size or 0 for f in files), tuple(patterns)
    )


def fetch(model: str, revision: str | None, where: str) -> Path:
    """The folder of a hub model; what is not here is announced on stderr, then downloaded.

    Raises:
        InputError: No such model or revision, access refused, or no network.
    """
    here = cached(model, revision)
    return here or _download(plan(model, revision, where), revision, where, ["*/*"])


def _download(
    download: Download, revision: str | None, where: str, ignored: list[str] | None = None
) -> Path:
    from huggingface_hub import snapshot_download

    note(f"downloading {download}")
    try:
        folder = snapshot_download(
            download.model,
            revision=revision,  # by its name, so that the cache knows the name next time
            allow_patterns=list(download.patterns),
            ignore_patterns=ignored,
        )
    except Exception as error:
        raise InputError(_said(error, download.model, revision, where)) from None
    return Path(folder)


def _is_index(name: str) -> bool:
    return name == "model.safetensors.index.json"


def _name(file: Any) -> str:
    return str(file.rfilename)


def _said(error: Exception, model: str, revision: str | None, where: str) -> str:
    """One message for whatever the hub's client raised."""
    from huggingface_hub import errors

    if isinstance(error, errors.GatedRepoError):
        return (
            f"{where}: {model} wants its licence accepted. Accept it on "
            f"https://huggingface.co/{model} and sign in with `hf auth login`"
        )
    if isinstance(error, errors.RevisionNotFoundError):
        return f"{where}: {model} has no revision {revision!r}"
    if isinstance(error, errors.RepositoryNotFoundError | errors.HFValidationError):
        return (
            f"{where}: the hub has no model {model!r} (or it is private). Check the spelling, or "
            "give a local folder"
        )
    if isinstance(error, errors.OfflineModeIsEnabled):
        reason = "the hub cannot be reached (HF_HUB_OFFLINE is set)"
    else:
        first = str(error).splitlines()[0] if str(error) else "no reason given"
        said = f"({type(error).__name__}: {first[:160]})"
        lost = type(error).__name__ in (
            "ConnectError",
            "ConnectTimeout",
            "ReadTimeout",
            "ProxyError",
        )
        reason = f"the hub cannot be reached {said}" if lost else f"fetching it failed {said}"
    pinned = f" --revision {revision}" if revision else ""
    here = _snapshot(model, revision, ("config.json", "model_index.json"))
    part = f" as a whole ({here} lacks {_lacks(here) or 'files'})" if here is not None else ""
    return (
        f"{where}: {model} is not on this machine{part} and {reason}. Run "
        f"`hf download {model}{pinned}` where there is a network, or give a local folder"
    )


def fetch_pipeline(model: str, revision: str | None, where: str) -> Path:
    """The folder of a diffusers pipeline, with the folders of its parts.

    Raises:
        InputError: See ``fetch``.
    """
    here = _kept(model, revision, (_PIPELINE,))
    return here or _download(plan(model, revision, where), revision, where)
