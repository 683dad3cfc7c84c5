"""match by CLIP and SigLIP: for each phrase the belief that it is true of a region.

Beliefs lie in [0, 1], are compared with 0.5 by verify_property and with each other by
best_text_match, and do not depend on the other options.

- SigLIP was trained to tell right from wrong pairs: its sigmoid is the belief.
- CLIP was trained to choose among captions, so an option must win against contrasts: phrases that
  say little (``an object``, ...) and, for ``red cup``, the bare ``cup``. The belief is the option's
  share in a softmax over itself and its contrasts, at the temperature that CLIP learned.
  It rises with the option's similarity, so options are ordered as CLIP orders them.
- A CLIP that was trained as SigLIP is brings ``calibration = "sigmoid"`` and its ``bias``.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from vprog.errors import ToolError
from vprog.example import Picture, Region
from vprog.tools.backends.hf.backend import HuggingFace, refuse_class
from vprog.tools.backends.hf.runtime import load_processor
from vprog.tools.backends.hf.settings import ModelSettings, between
from vprog.tools.backends.hf.shown import Shown
from vprog.tools.backends.hf.views import Kept, View, Views
from vprog.tools.backends.hf.words import Unread
from vprog.trace import Call, Result

CONTRASTS = ("an object", "something else", "a background", "a picture")
"""What an option must beat to be believed, beside its own noun."""
_CLIP = ("clip", "metaclip_2", "altclip", "chinese_clip")
_SIGLIP = ("siglip", "siglip2")
_CLASSES = ("CLIPModel", "SiglipModel", "Siglip2Model")


@dataclass(frozen=True, kw_only=True)
class MatchSettings(ModelSettings):
    """Settings of ``match``.

    Attributes:
        prompt: Template of what the model reads, with ``{}`` for the option; by default ``a photo
            of {}``, ``this is a photo of {}.`` for SigLIP and ``{}`` for zoo models.
        calibration: ``contrast`` or ``sigmoid``; see the module. By default contrast for CLIP,
            sigmoid for SigLIP.
        contrasts: Phrases that ``contrast`` compares with, put into the prompt as options are.
        bare_noun: Whether ``contrast`` also compares an option of several words with its last one.
        bias: Added before the sigmoid (``sigmoid``) or to the option (``contrast``): more believes
            more. 0 by default.
        cache_mb: Memory for embeddings of views and phrases seen last.
    """

    prompt: str | None = None
    calibration: Literal["contrast", "sigmoid"] | None = None
    contrasts: tuple[str, ...] | None = None
    bare_noun: bool | None = None
    bias: float | None = None
    cache_mb: int = 64

    def check(self) -> str | None:
        """See ``ModelSettings``."""
        if self.prompt is not None and self.prompt.count("{}") != 1:
            return f"prompt: must hold {{}} once, got {self.prompt!r}"
        if self.contrasts is not None and not all(c.strip() for c in (*self.contrasts, "x")):
            return "contrasts: must be texts that are not empty"
        if self.contrasts == () and self.calibration != "sigmoid":
            return "contrasts: contrast needs one at least"
        return (
            between("bias", self.bias, -1000, 1000)
            or between("cache_mb", self.cache_mb, 0, 1e6)
            or super().check()
        )


class Match(HuggingFace[MatchSettings]):
    """The tool ``match``; see ``MatchSettings``."""

    tool = "match"

    def check_class(self, where: str) -> None:
        """See ``HuggingFace``."""
        if self.source.model_type not in (*_CLIP, *_SIGLIP):
            raise refuse_class(self.source, self.tool, _CLASSES, where)
        if not self.source.class_name.endswith("Model") and self.source.class_name not in (
            *_CLIP,
            *_SIGLIP,
        ):
            raise refuse_class(self.source, self.tool, _CLASSES, where)

    def choices(self) -> dict[str, Any]:
        """See ``HuggingFace``."""
        said, sigmoid = self.settings, self.source.model_type in _SIGLIP
        plain = "this is a photo of {}." if sigmoid else "a photo of {}"
        if said.model.startswith("zoo:"):
            plain = "{}"
        calibration = said.calibration or ("sigmoid" if sigmoid else "contrast")
        chosen = {"prompt": said.prompt or plain, "calibration": calibration}
        chosen["bias"] = said.bias or 0.0  # type: ignore[assignment]
        if calibration == "contrast":
            contrasts = CONTRASTS if said.contrasts is None else said.contrasts
            chosen["contrasts"] = contrasts  # type: ignore[assignment]
            chosen["bare_noun"] = said.bare_noun is not False  # type: ignore[assignment]
        if sigmoid:
            chosen["lower_case"] = True  # type: ignore[assignment]
        return chosen

    def load(self) -> None:
        """See ``HuggingFace``."""
        auto = "AutoModelForZeroShotImageClassification"
        self.model = self.load_model(auto)
        processor = load_processor(self.source, self.settings)
        self._shown, self._tokenizer = Shown(processor.image_processor), processor.tokenizer
        self._unread = Unread(self.called, self._tokenizer)
        text = self.model.config.text_config
        self._longest = int(getattr(text, "max_position_embeddings", 77))
        # SigLIP was trained on texts padded to their full length, without a mask.
        self._fixed = self.source.model_type in _SIGLIP
        self.chosen = self.choices()
        self._kept: Kept[Any] = Kept(self.settings.cache_mb)
        self.forget()

    def forget(self) -> None:
        """See ``HuggingFace``."""
        import torch

        self._kept.clear()
        with torch.no_grad():
            scale, bias = self.scale_and_bias()
        self._scale, self._bias = float(scale), float(bias)

    def scale_and_bias(self) -> tuple[Any, Any]:
        """What similarities are multiplied with, and what is added before the sigmoid."""
        learned = getattr(self.model, "logit_bias", None)
        own = 0.0 if learned is None else learned.float()
        return self.model.logit_scale.float().exp(), own + self.chosen["bias"]

    def compute(
        self, calls: Sequence[Call], pictures: Mapping[str, Picture]
    ) -> list[Result | ToolError]:
        """See ``HuggingFace``."""
        views = Views(pictures, self.pictures)
        asked: list[tuple[View, list[str]]] = []
        for call in calls:
            region, options = call.args["image"], call.args["options"]
            assert isinstance(region, Region)
            assert isinstance(options, list)
            asked.append((views.of(region), [str(option) for option in options]))
        seen = self._see([view for view, _ in asked], views)
        phrases = [p for _, options in asked for option in options for p in self.against(option)]
        read = self._read(phrases)
        return [Result(self._beliefs(seen[view], options, read)) for view, options in asked]

    def against(self, option: str) -> list[str]:
        """An option and what it must beat."""
        if self.chosen["calibration"] == "sigmoid":
            return [option]
        words = option.split()
        noun = [words[-1]] if self.chosen["bare_noun"] and len(words) > 1 else []
        return [option, *noun, *(c for c in self.chosen["contrasts"] if c != option)]

    def _beliefs(self, view: Any, options: Sequence[str], read: Mapping[str, Any]) -> list[float]:
        import torch

        beliefs = []
        for option in options:
            vectors = torch.stack([read[phrase] for phrase in self.against(option)])
            logits = self._scale * (vectors @ view)
            if self.chosen["calibration"] == "sigmoid":
                belief = (logits[0] + self._bias).sigmoid()
            else:
                logits[0] += self._bias
                belief = logits.softmax(0)[0]
            beliefs.append(float(belief))
        return beliefs

    def pixels(self, chunk: Sequence[View], views: Views) -> dict[str, Any]:
        """What the model is shown of views, by the name of its input."""
        return self._shown.inputs(map(views.read, chunk))

    def look(self, inputs: Mapping[str, Any]) -> Any:
        """Vectors [views, width] of what ``pixels`` returned, of any length."""
        moved = {k: v.to(self.model.device) for k, v in inputs.items()}
        moved["pixel_values"] = moved["pixel_values"].to(self.model.dtype)
        features = self.model.get_image_features(**moved)
        return getattr(features, "pooler_output", features)

    def tokenize(self, phrases: Sequence[str]) -> dict[str, Any]:
        """What the model reads of phrases, by the name of its input."""
        texts = [self.chosen["prompt"].replace("{}", phrase) for phrase in phrases]
        if self.source.model_type in _SIGLIP:
            # It was trained on lower case, which the tokenizer of SigLIP 2 does not see to.
            texts = [text.lower() for text in texts]
        tokens = self._tokenizer(
            texts,
            padding="max_length",
            truncation=True,
            max_length=self._longest,
            return_tensors="pt",
        )
        self._unread.look(texts, tokens["input_ids"].tolist())
        names = ("input_ids",) if self._fixed else ("input_ids", "attention_mask")
        return {name: tokens[name] for name in names}

    def read(self, inputs: Mapping[str, Any]) -> Any:
        """Vectors [phrases, width] of what ``tokenize`` returned, of any length."""
        moved = {k: v.to(self.model.device) for k, v in inputs.items()}
        features = self.model.get_text_features(**moved)
        return getattr(features, "pooler_output", features)

    def _see(self, wanted: Sequence[View], views: Views) -> dict[View, Any]:
        """Unit vectors of views, float64 on the CPU."""

        def prepare(chunk: Sequence[View]) -> Any:
            return self.pixels(chunk, views)

        def forward(inputs: Any) -> list[Any]:
            return _unit(self.look(inputs))

        return self._remembered(wanted, prepare, forward)

    def _read(self, wanted: Sequence[str]) -> dict[str, Any]:
        """Unit vectors of phrases, float64 on the CPU."""

        def forward(inputs: Any) -> list[Any]:
            return _unit(self.read(inputs))

        return self._remembered(wanted, self.tokenize, forward)

    def _remembered(self, wanted: Sequence[Any], prepare: Any, forward: Any) -> dict[Any, Any]:
        found = {w: known for w in wanted if (known := self._kept.get(w)) is not None}
        missing = [w for w in dict.fromkeys(wanted) if w not in found]
        each = self.in_batches(missing, forward, prepare=prepare)
        for key, vector in zip(missing, each, strict=True):
            found[key] = vector
            self._kept.put(key, vector, 8 * vector.numel())
        return found


def _unit(features: Any) -> list[Any]:
    pooled = features.cpu().double()  # Apple GPUs know no double precision
    return [row.clone() for row in pooled / pooled.norm(dim=-1, keepdim=True)]
