"""What all Hugging Face backends share: lazy loading, fingerprint, batches that fit in memory."""

from __future__ import annotations

import contextlib
from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future, wait
from functools import cached_property, partial
from typing import Any, ClassVar, Generic, TypeVar

from vprog.errors import InputError, ToolError, VprogError
from vprog.example import Picture
from vprog.tools.backends.hf.adapters import INSTALL
from vprog.tools.backends.hf.ahead import started
from vprog.tools.backends.hf.generated import has_own_ways
from vprog.tools.backends.hf.runtime import (
    Models,
    choose_device,
    choose_dtype,
    free_memory,
    is_out_of_memory,
    quiet,
    require,
)
from vprog.tools.backends.hf.settings import ModelSettings, with_defaults
from vprog.tools.backends.hf.source import DEFAULTS_FILE, Source, find_source
from vprog.trace import Call, Result

S = TypeVar("S", bound=ModelSettings)
T = TypeVar("T")
R = TypeVar("R")

VERSION = 1
"""Of this package's rules (prompts, cropping, scores): part of every fingerprint."""


class HuggingFace(ABC, Generic[S]):
    """A tool answered by one Hugging Face model.

    Making one finds and checks the model's files (a hub model is downloaded, after saying so);
    weights are loaded at the first call.

    Attributes:
        tool: Name of the tool that it answers.
        generates: Whether it writes text.
        calls_at_once: The most calls that ``answer`` takes; equal pictures among them are shared.
        pictures: Decoded pictures that are kept, by digest.
    """

    tool: ClassVar[str]
    generates: ClassVar[bool] = False
    calls_at_once: ClassVar[int] = 256

    def __init__(self, settings: S, where: str = "model", models: Models | None = None) -> None:
        """Finds the model.

        Args:
            settings: Of the backend.
            where: File and key, for messages.
            models: Loads weights, and shares them with other backends that have the same.

        Raises:
            InputError: A package, the model or its weights are missing or broken, or its class
                does not fit the tool.
        """
        require()
        if settings.adapters:
            require(("peft",), INSTALL, "adapters need")
        self.source = find_source(settings.model, settings.revision, where, settings.adapters)
        self.check_class(where)
        place = str(self.source.folder / DEFAULTS_FILE)
        self.settings: S = with_defaults(settings, self.defaults(), place)
        self._fits = self.settings.batch_size
        self._models = models or Models()
        self.pictures = self._models.pictures
        self._failed: InputError | None = None

    def defaults(self) -> Mapping[str, Any]:
        """Settings that the checkpoint brings for this tool."""
        return self.source.defaults

    @abstractmethod
    def check_class(self, where: str) -> None:
        """Refuses a model whose class does not fit the tool, with InputError."""

    @abstractmethod
    def load(self) -> None:
        """Loads weights and processor; called once, before the first call."""

    @abstractmethod
    def compute(
        self, calls: Sequence[Call], pictures: Mapping[str, Picture]
    ) -> Sequence[Result | ToolError]:
        """Answers calls of the tool; the model is loaded."""

    def choices(self) -> Mapping[str, Any]:
        """Settings that can change an answer, resolved, for the fingerprint."""
        return self.settings.answering()

    @property
    def batch_size(self) -> int:
        """See ``Backend``; not the size of a forward pass, which is a setting."""
        return self.calls_at_once

    @property
    def called(self) -> str:
        """Tool and model, for messages."""
        return f"{self.tool} ({self.source.name})"

    @cached_property
    def device(self) -> str:
        """Where the model runs."""
        return choose_device(self.settings.device)

    @cached_property
    def dtype(self) -> str:
        """Number type of its weights."""
        family = self.source.model_type
        return choose_dtype(self.settings.dtype, self.device, family, self.generates)

    @cached_property
    def fingerprint(self) -> str:
        """Tool, class, version of the weights, number type and settings."""
        said = " ".join(f"{key}={value!r}" for key, value in sorted(self.choices().items()))
        plain = " decoding=plain" if has_own_ways(self.source.folder) else ""
        return f"hf/{VERSION} {self.tool} {self.source.fingerprint} {self.dtype} {said}{plain}"

    def load_model(self, auto_class: str) -> Any:
        """The model on its device.

        Raises:
            InputError: Its weights are missing or do not fit.
        """
        return self._models.get(self.source, auto_class, self.settings, self.dtype, self.device)

    def answer(
        self, calls: Sequence[Call], pictures: Mapping[str, Picture]
    ) -> Sequence[Result | ToolError]:
        """See ``Backend``; loads the model at the first call."""
        wrong = [call.tool for call in calls if call.tool != self.tool]
        if wrong:
            raise ToolError(f"{self.source.name} is bound to {self.tool}, not to {wrong[0]}")
        self.prepare()
        with quiet(), _inference():
            return self.compute(calls, pictures)

    def prepare(self) -> None:
        """Loads the model now.

        Raises:
            InputError: It cannot be loaded; raised again at every later call.
        """
        if self._failed is not None:
            raise self._failed.with_traceback(None)
        if "_loaded" in self.__dict__:
            return
        try:
            self.load()
        except VprogError as error:
            self._failed = InputError(str(error))
            raise
        self._loaded = True

    def forget(self) -> None:
        """Lets go of what was computed from weights that have changed since; training does."""

    def in_batches(
        self,
        items: Sequence[T],
        forward: Callable[[Any], list[R]],
        *,
        prepare: Callable[[Sequence[T]], Any] | None = None,
        key: Callable[[T], Any] | None = None,
    ) -> list[R]:
        """Runs ``forward`` over chunks; where memory runs out, over halves from then on.

        Args:
            items: What the model takes, in an order that puts like with like.
            forward: One result an item, of a chunk or of what ``prepare`` made of it.
            prepare: Reads and resizes the pictures of a chunk; runs beside ``forward``, one chunk
                ahead of it.
            key: Items of a chunk have the same, so that none pads another.

        Returns:
            In the order of ``items``.

        Raises:
            ToolError: One item alone does not fit in memory.
        """
        groups: dict[Any, list[int]] = {}
        for index, item in enumerate(items):
            groups.setdefault(None if key is None else key(item), []).append(index)
        left = deque(groups.values())
        results: dict[int, R] = {}

        def take() -> list[int]:
            group = left.popleft() if left else []
            if len(group) > self._fits:
                left.appendleft(group[self._fits :])
            return group[: self._fits]

        def inputs_of(indexes: Sequence[int]) -> Any:
            chosen = [items[index] for index in indexes]
            with _inference():
                return chosen if prepare is None else prepare(chosen)

        chunk = take()
        ready: Future[Any] | None = None
        while chunk:
            following: list[int] = []
            try:
                inputs = inputs_of(chunk) if ready is None else ready.result()
                following, ready = take(), None
                if following and prepare is not None:
                    ready = started(partial(inputs_of, following))
                done = forward(inputs)
            except Exception as error:
                if ready is not None:
                    wait([ready])
                if not is_out_of_memory(error):
                    raise
                error.__traceback__ = None  # frames hold tensors
            else:
                results.update(zip(chunk, done, strict=True))
                chunk = following
                continue
            inputs = ready = None
            free_memory()
            if len(chunk) == 1:
                raise ToolError(
                    f"{self.source.name} ran out of memory on one picture; use a smaller model, "
                    f"or device = 'cpu' for {self.tool}"
                )
            self._fits = max(1, len(chunk) // 2)
            left.extendleft(part for part in (following, chunk) if part)
            chunk = take()
        return [results[index] for index in range(len(items))]


def refuse_class(source: Source, tool: str, fitting: Sequence[str], where: str) -> InputError:
    """The error for a model whose class does not fit a tool."""
    return InputError(
        f"{where}: model {source.name!r} is a {source.class_name or 'model of unknown class'}, "
        f"which cannot answer {tool}. Fitting classes: {', '.join(fitting)}"
    )


@contextlib.contextmanager
def _inference() -> Iterator[None]:
    import torch

    with torch.inference_mode():
        yield
