"""Packages, device, number type, and loading a model or processor with errors that help."""

from __future__ import annotations

import contextlib
import gc
import importlib.util
import re
import sys
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

from vprog.errors import InputError
from vprog.tools.backends.hf.adapters import merge
from vprog.tools.backends.hf.settings import ModelSettings
from vprog.tools.backends.hf.source import Source
from vprog.tools.backends.hf.views import DECODED_MB, Kept

if TYPE_CHECKING:
    from PIL.Image import Image

INSTALL = 'pip install "vprog[hf]"'
_FULL = frozenset({"grounding-dino", "mm-grounding-dino", "mask2former", "maskformer", "oneformer"})
"""Families whose box refinement or mask losses need float32 on every device."""
_UNUSED = {
    "dpt": re.compile(r"(^|\.)fusion_stage\.layers\.0\.residual_layer1\."),
    "vision-encoder-decoder": re.compile(r"^encoder\.pooler\."),
}
"""Weights by family that its class has and never uses; checkpoints on the hub leave them out."""


def require(
    packages: Sequence[str] = ("torch", "transformers", "safetensors"),
    install: str = INSTALL,
    what: str = "Hugging Face models need",
) -> None:
    """Makes sure that packages are installed, without importing them.

    Args:
        packages: Their names.
        install: The command that installs them.
        what: Begins the message.

    Raises:
        InputError: Names the missing ones and the command that installs them.
    """
    missing = [name for name in packages if importlib.util.find_spec(name) is None]
    if missing:
        raise InputError(f"{what} {', '.join(missing)}, which is not installed: {install}")


def choose_device(wanted: str) -> str:
    """``cuda``, ``mps`` or ``cpu``.

    Raises:
        InputError: A device that this machine or this torch does not have.
    """
    import torch

    here = {"cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available()}
    if wanted == "auto":
        return next((name for name, there in here.items() if there), "cpu")
    if not here.get(wanted, True):
        raise InputError(
            f"device {wanted!r} is not available to torch {torch.__version__} here; "
            "use device = 'auto', or install a torch build for it"
        )
    return wanted


def free_memory() -> None:
    """Frees models that nobody uses any more, on the device as well.

    Backends refer to themselves in cycles: without this, weights would stay until Python happens
    to look for cycles.
    """
    gc.collect()
    torch = sys.modules.get("torch")  # where it was never imported there is nothing on a device
    if torch is None:
        return
    for device in (torch.cuda, torch.mps):
        if device.is_available():
            device.empty_cache()


def choose_dtype(wanted: str, device: str, model_type: str, generates: bool) -> str:
    """Name of a torch number type; see ``ModelSettings.dtype``."""
    import torch

    if wanted != "auto":
        return wanted
    if device != "cuda" or model_type in _FULL:
        return "float32"
    own = torch.cuda.is_bf16_supported(including_emulation=False)
    return "bfloat16" if generates and own else "float16"


def auto_names(mapping: str) -> dict[str, Any]:
    """A mapping of transformers from model family to class name, by its constant's name."""
    from transformers.models.auto import modeling_auto

    return dict(getattr(modeling_auto, mapping))


def load_model(source: Source, auto_class: str, settings: ModelSettings, dtype: str) -> Any:
    """A model with its weights, in evaluation mode, on the CPU.

    Args:
        source: Checked files.
        auto_class: Name of an Auto class of transformers, or of a model class.
        settings: Named in messages.
        dtype: Of its weights.

    Raises:
        InputError: Weights are missing or do not fit the class.
    """
    import torch
    import transformers
    from transformers.activations import QuickGELUActivation

    with quiet():
        try:
            model, report = getattr(transformers, auto_class).from_pretrained(
                source.folder,
                dtype=getattr(torch, dtype),
                local_files_only=True,
                output_loading_info=True,
            )
        except Exception as error:
            raise InputError(
                f"cannot load model {settings.model!r} as {auto_class}: {reason(error)}"
            ) from error
    unused = _UNUSED.get(source.model_type)
    missing = sorted(
        name for name in report.get("missing_keys", ()) if not (unused and unused.search(name))
    )
    if missing:
        raise InputError(
            f"model {settings.model!r} lacks {len(missing)} weights of {type(model).__name__}, "
            f"such as {missing[0]!r}; it was made for another class"
        )
    if source.adapters:
        model = merge(model, source.adapters)
    for module in model.modules():
        if isinstance(module, QuickGELUActivation):
            module.forward = _quick_gelu  # type: ignore[assignment,method-assign]
    return model.eval().requires_grad_(False)


def _quick_gelu(values: Any) -> Any:
    """``QuickGELUActivation`` (CLIP, OWL-ViT) with one new tensor in place of three; the same bits.

    On a CPU the plain one takes a quarter of a batch's time, most of it for getting memory.
    """
    import torch

    if torch.is_grad_enabled():
        return values * torch.sigmoid(1.702 * values)
    return (1.702 * values).sigmoid_().mul_(values)


class Models:
    """The models of one toolbox: tools that are bound to the same weights share them.

    Attributes:
        pictures: Decoded pictures by digest, for all of its tools.
    """

    def __init__(self) -> None:
        """Starts without any."""
        self.pictures: Kept[Image] = Kept(DECODED_MB)
        self._loaded: dict[tuple[str, ...], Any] = {}

    def get(
        self, source: Source, auto_class: str, settings: ModelSettings, dtype: str, device: str
    ) -> Any:
        """The model on its device; see ``load_model``.

        Raises:
            InputError: Also where it does not fit there.
        """
        key = (str(source.folder), source.version, auto_class, dtype, device)
        if key not in self._loaded:
            model = load_model(source, auto_class, settings, dtype)
            try:
                self._loaded[key] = model.to(device)
            except Exception as error:
                if not is_out_of_memory(error):
                    raise
                del model
                free_memory()
                raise InputError(
                    f"model {settings.model!r} does not fit in the memory of {device}; use a "
                    "smaller one, dtype = 'float16', or device = 'cpu'"
                ) from None
        return self._loaded[key]


def is_out_of_memory(error: BaseException) -> bool:
    """Whether memory, of the machine or of a device, ran out."""
    if isinstance(error, MemoryError) or type(error).__name__ == "OutOfMemoryError":
        return True
    text = str(error).lower()
    return isinstance(error, RuntimeError) and (
        "out of memory" in text or "can't allocate memory" in text
    )


def load_processor(source: Source, settings: ModelSettings, auto_class: str = "") -> Any:
    """The processor saved beside a model.

    Raises:
        InputError: Its files are missing or broken, or it needs a package that is not there.
    """
    import transformers

    name = auto_class or "AutoProcessor"
    with quiet():
        try:
            # Pillow's image processors: torchvision is no dependency, and resized pixels must not
            # depend on whether it is there.
            return getattr(transformers, name).from_pretrained(
                source.folder, local_files_only=True, backend="pil"
            )
        except Exception as error:
            raise InputError(
                f"cannot load the processor of model {settings.model!r} ({name}): {reason(error)}"
            ) from error


@contextlib.contextmanager
def quiet() -> Iterator[None]:
    """Without progress bars and remarks of transformers on stderr, and with settings put back."""
    import warnings

    from transformers.utils import logging

    level = logging.get_verbosity()
    bars = logging.is_progress_bar_enabled()
    logging.set_verbosity_error()
    logging.disable_progress_bar()
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logging.set_verbosity(level)
        if bars:
            logging.enable_progress_bar()


def reason(error: BaseException) -> str:
    """The first informative line of an exception."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    text = lines[0] if lines else type(error).__name__
    if isinstance(error, ImportError) and "pip install" not in text:
        return f"{text}. {INSTALL}"
    return text if len(text) <= 300 else text[:297] + "..."
