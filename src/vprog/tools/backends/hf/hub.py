"""Models of the Hugging Face hub: what is here, what a download would bring, and the download."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from vprog.console import note
from vprog.errors import InputError
from vprog.tools.backends.hf.runtime import require

_PATTERNS = ("*.json", "*.txt", "*.model", "*.jinja", "*.safetensors")
_BIN = ("*.json", "*.txt", "*.model", "*.jinja", "pytorch_model*.bin")


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
    require(("huggingface_hub",))
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import LocalEntryNotFoundError

    for patterns in choices:
        try:
            found = snapshot_download(
                model,
                revision=revision,
                allow_patterns=list(patterns),
                ignore_patterns=ignored,
                local_files_only=True,
            )
        except LocalEntryNotFoundError:
            continue
        if _is_whole(Path(found)):
            return Path(found)
    return None


def _is_whole(folder: Path) -> bool:
    """Whether a folder has a model's weights, or is a pipeline."""
    from vprog.tools.backends.hf.source import weight_files

    if (folder / "model_index.json").is_file():
        return True
    try:
        weight_files(folder)
    except InputError:
        return False
    return (folder / "config.json").is_file()


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
    patterns = _PATTERNS if safe else _BIN
    top = [f for f in found if "/" not in f.rfilename]
    files = list(filter_repo_objects(top, allow_patterns=list(patterns), key=_name))
    return Download(
        model, str(info.sha), len(files), sum(f.size or 0 for f in files), tuple(patterns)
    )


def fetch(model: str, revision: str | None, where: str) -> Path:
    """The folder of a hub model; what is not here is announced on stderr, then downloaded.

    Raises:
        InputError: No such model or revision, access refused, or no network.
    """
    here = cached(model, revision)
    if here is not None:
        return here
    download = plan(model, revision, where)
    note(f"downloading {download}")
    from huggingface_hub import snapshot_download

    try:
        folder = snapshot_download(
            model,
            revision=revision,  # by its name, so that the cache knows the name next time
            allow_patterns=list(download.patterns),
            ignore_patterns=["*/*"],
        )
    except Exception as error:
        raise InputError(_said(error, model, revision, where)) from None
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
    return (
        f"{where}: {model} is not on this machine and {reason}. Run `hf download {model}{pinned}` "
        "where there is a network, or give a local folder"
    )


def fetch_pipeline(model: str, revision: str | None, where: str) -> Path:
    """The folder of a diffusers pipeline, with the folders of its parts.

    Raises:
        InputError: See ``fetch``.
    """
    patterns = [*_PATTERNS, *(f"*/{pattern}" for pattern in _PATTERNS)]
    here = _kept(model, revision, (patterns,))
    if here is not None:
        return here
    from huggingface_hub import snapshot_download

    note(f"downloading the pipeline {model}")
    try:
        return Path(snapshot_download(model, revision=revision, allow_patterns=patterns))
    except Exception as error:
        raise InputError(_said(error, model, revision, where)) from None
