"""Any image-text-to-text model through its chat template: SmolVLM, PaliGemma, Qwen-VL, Llava, ...

Every row is prepared alone; rows whose tensors have equal shapes are stacked into one batch. So
nothing is padded, and what a row answers does not depend on its neighbours, whatever a model does
with padding.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import cached_property, partial
from typing import TYPE_CHECKING, Any, TypeVar

from vprog.errors import InputError, ToolError
from vprog.tools.backends.hf.generated import (
    end_ids,
    read_generated,
    short_answer,
    write_plainly,
)
from vprog.tools.backends.hf.runtime import auto_names, load_processor, quiet, reason
from vprog.tools.backends.hf.views import View, Views
from vprog.tools.backends.hf.words import Unread
from vprog.trace import Result

if TYPE_CHECKING:
    from PIL.Image import Image

    from vprog.tools.backends.hf.backend import HuggingFace

T = TypeVar("T")

CHAT_CLASSES = (
    "any of AutoModelForImageTextToText that chats (Idefics3, SmolVLM, PaliGemma, Qwen-VL, Llava)",
)
WINDOW = 4
"""Batches whose rows are prepared at a time: a row may be many tiles of a picture (SmolVLM), and
all calls at once would take gigabytes. Rows of a window that have equal shapes share batches."""
_NO_CHAT = frozenset(
    {"blip", "blip-2", "git", "kosmos-2", "pi0", "pix2struct", "udop", "vision-encoder-decoder"}
)
_BY_HAND = {
    "qwen2_vl": "Qwen2VLProcessor",
    "qwen2_5_vl": "Qwen2_5_VLProcessor",
    "qwen3_vl": "Qwen3VLProcessor",
    "smolvlm": "Idefics3Processor",
}
"""Families whose own processor wants video packages; this class reads pictures without them."""


def is_chat_class(family: str) -> bool:
    """Whether a model family writes text about a picture and a prompt."""
    return family in auto_names("MODEL_FOR_IMAGE_TEXT_TO_TEXT_MAPPING_NAMES").keys() - _NO_CHAT


class Chat:
    """Writes replies to prompts about pictures."""

    def __init__(self, backend: HuggingFace[Any], max_new_tokens: int) -> None:
        """Loads model and processor of the backend's source.

        Raises:
            InputError: They cannot be loaded, or there is no way to ask the model.
        """
        source, settings = backend.source, backend.settings
        self._backend = backend
        self._most = max_new_tokens
        self._processor = load_chat_processor(source, settings)
        self.tokenizer = self._processor.tokenizer
        self._unread = Unread(backend.called, self.tokenizer)
        self._family = source.model_type
        template = getattr(self._processor, "chat_template", None)
        if not template and self._family not in ("paligemma", "florence2"):
            raise InputError(
                f"model {source.name!r} has no chat template; take its -Instruct or -it variant"
            )
        self._templated = bool(template)
        self._special = sorted(set(self.tokenizer.all_special_tokens), key=len, reverse=True)
        self.model = backend.load_model("AutoModelForImageTextToText")
        self.ends = end_ids(self.model, self.tokenizer)
        write_plainly(self.model)

    def reply(
        self, asked: Sequence[tuple[View, str]], views: Views, *, short: bool = True
    ) -> list[Result | ToolError]:
        """A result for every view and prompt.

        Args:
            asked: Views and prompts.
            views: Where pixels come from.
            short: Whether replies are cut to an answer that programs compare.
        """

        def row(one: tuple[View, str]) -> dict[str, Any]:
            view, prompt = one
            return self.prepare(prompt, [views.read(view)])

        return [
            Result(short_answer(text) if short else text, {"score": score})
            for text, score in self.write(asked, row, self._most)
        ]

    def write(
        self,
        asked: Sequence[T],
        row: Callable[[T], Mapping[str, Any]],
        most: int,
        *,
        scored: bool = True,
    ) -> list[tuple[str, float]]:
        """What the model writes for everything that it is asked, and the probability of its words.

        Args:
            asked: Any number of whatever ``row`` understands.
            row: Makes the inputs of one, see ``prepare``; equal shapes share a forward pass.
            most: Tokens of one text.
            scored: False leaves probabilities at 0; those of long texts take much memory.
        """
        forward = partial(self._forward, most=most, scored=scored)
        window = WINDOW * self._backend.settings.batch_size
        written: list[tuple[str, float]] = []
        for start in range(0, len(asked), window):
            rows = [row(one) for one in asked[start : start + window]]
            written += self._backend.in_batches(rows, forward, key=shapes)
        return written

    def prepare(self, prompt: str, images: Sequence[Image]) -> dict[str, Any]:
        """The model's inputs for pictures and a prompt, a batch of one, up to its reply."""
        prompt = self._plain(prompt)
        if self._templated:
            text = self._processor.apply_chat_template(
                [_user(prompt, len(images))], add_generation_prompt=True
            )
        else:
            text = "<image>" * len(images) + prompt if self._family == "paligemma" else prompt
        # Templates that spell the start token out would get it twice.
        start = self.tokenizer.bos_token
        doubled = self._templated and start and text.startswith(start)
        more = {"add_special_tokens": False} if doubled else {}
        row = self._processor(text=[text], images=[list(images)], return_tensors="pt", **more)
        self._unread.look([text], row["input_ids"].tolist())
        return {k: v for k, v in row.items() if v is not None and k != "labels"}

    def written(self, answer: str) -> list[int]:
        """The tokens that the model should write for an answer, with its end.

        Where the chat template shows what stands between prompt, reply and end, so do the tokens.
        """
        before, after = self._around
        text = f"{before}{self._plain(answer)}{after}"
        ids = list(self.tokenizer(text, add_special_tokens=False)["input_ids"])
        self._unread.look([text], [ids])
        end = self.tokenizer.eos_token_id
        if end is not None and (not ids or ids[-1] not in self.ends):
            ids.append(end)
        return [int(n) for n in ids]

    def _plain(self, text: str) -> str:
        """A text in which nothing reads as a special token."""
        for token in self._special:
            text = text.replace(token, " ")
        return text

    @cached_property
    def _around(self) -> tuple[str, str]:
        """What the chat template puts between the prompt and a reply, and behind a reply."""
        if not self._templated:
            return "", ""
        user, answer = _user("?", 1), "answer"
        reply = {"role": "assistant", "content": [{"type": "text", "text": answer}]}
        asked = self._processor.apply_chat_template([user], add_generation_prompt=True)
        told = self._processor.apply_chat_template([user, reply])
        if not told.startswith(asked) or answer not in told[len(asked) :]:
            return "", ""
        before, _, after = told[len(asked) :].partition(answer)
        return before, after.rstrip()

    def with_reply(self, inputs: Mapping[str, Any], reply: str) -> tuple[dict[str, Any], Any]:
        """Inputs of one row with a reply behind them, as a model in training reads them.

        Args:
            inputs: Of ``prepare``.
            reply: What the model should write.

        Returns:
            The inputs, and labels [1, length]: where the model predicts a token of the reply, that
            token, its end included; elsewhere -100.
        """
        import torch

        written = torch.tensor([self.written(reply)])
        prompt = inputs["input_ids"]
        grown = dict(inputs)
        for name, value in inputs.items():
            if value.shape == prompt.shape and not value.is_floating_point():
                # PaliGemma reads its prompt both ways and its answer forward: types 0 and 1.
                forward = (name, self._family) == ("token_type_ids", "paligemma")
                fill = torch.full_like(written, int(forward or name == "attention_mask"))
                grown[name] = torch.cat([value, written if name == "input_ids" else fill], 1)
        labels = torch.full((1, prompt.shape[1] + written.shape[1]), -100)
        labels[:, prompt.shape[1] - 1 : -1] = written
        return grown, labels

    def stack(self, rows: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
        """Rows of equal shapes as one batch on the model's device."""
        import torch

        batch = {
            key: torch.cat([row[key] for row in rows]).to(self.model.device) for key in rows[0]
        }
        for key, value in batch.items():
            if value.is_floating_point():
                batch[key] = value.to(self.model.dtype)
        return batch

    def _forward(
        self, chunk: Sequence[Mapping[str, Any]], most: int, scored: bool
    ) -> list[tuple[str, float]]:
        model = self.model
        batch = self.stack(chunk)
        pad = self.tokenizer.pad_token_id
        out = model.generate(
            **batch,
            max_new_tokens=most,
            do_sample=False,
            num_beams=1,
            pad_token_id=self.tokenizer.eos_token_id if pad is None else pad,
            return_dict_in_generate=True,
            output_logits=scored,
        )
        return read_generated(out, self.tokenizer, self.ends, batch["input_ids"].shape[1])


def _user(prompt: str, pictures: int) -> dict[str, Any]:
    """A user's turn: its pictures, then the prompt."""
    places: list[dict[str, Any]] = [{"type": "image"} for _ in range(pictures)]
    return {"role": "user", "content": [*places, {"type": "text", "text": prompt}]}


def load_chat_processor(source: Any, settings: Any) -> Any:
    """A model's processor, built by hand where its own wants packages for video.

    Raises:
        InputError: Its files are missing or broken.
    """
    by_hand = _BY_HAND.get(source.model_type)
    if by_hand is None:
        return load_processor(source, settings)
    import transformers

    tokenizer = load_processor(source, settings, "AutoTokenizer")
    images = load_processor(source, settings, "AutoImageProcessor")
    template = _template(source, tokenizer)
    kind = getattr(transformers, by_hand)
    with quiet():
        try:
            if source.model_type == "smolvlm":
                length = _image_tokens(source)
                return kind(images, tokenizer, image_seq_len=length, chat_template=template)
            return _without_video(kind)(images, tokenizer, chat_template=template)
        except Exception as error:
            raise InputError(
                f"cannot build the processor of model {settings.model!r}: {reason(error)}"
            ) from error


def _without_video(kind: Any) -> Any:
    """A processor class that neither has nor checks a video processor."""

    class PicturesOnly(kind):  # type: ignore[misc]
        @classmethod
        def get_attributes(cls) -> list[str]:
            return ["image_processor", "tokenizer"]

    return PicturesOnly


def _image_tokens(source: Any) -> int:
    """How many tokens stand for one tile of an Idefics3 or SmolVLM picture."""
    vision, factor = source.config["vision_config"], int(source.config.get("scale_factor", 2))
    side = int(vision.get("image_size", 364)) // int(vision.get("patch_size", 14))
    return (side * side) // (factor * factor)


def _template(source: Any, tokenizer: Any) -> str | None:
    """The chat template, which lies in a file of its own or in the tokenizer's."""
    import json

    for name in ("chat_template.jinja", "chat_template.json"):
        path = source.folder / name
        if path.is_file():
            text = path.read_text(encoding="utf-8")
            return str(json.loads(text)["chat_template"]) if path.suffix == ".json" else text
    found = getattr(tokenizer, "chat_template", None)
    return str(found) if found else None


def shapes(row: Mapping[str, Any]) -> tuple[Any, ...]:
    """What rows must have in common to be stacked."""
    return tuple((key, tuple(row[key].shape)) for key in sorted(row))
