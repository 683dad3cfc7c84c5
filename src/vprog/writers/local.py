"""The local writer: any instruct model of transformers, many questions at once."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from vprog.errors import InputError
from vprog.example import Example
from vprog.program.program import Language, Program
from vprog.tools.backend import Toolbox
from vprog.tools.backends.hf.generated import end_ids, has_own_ways, write_plainly
from vprog.tools.backends.hf.runtime import (
    choose_device,
    choose_dtype,
    is_out_of_memory,
    load_model,
    load_processor,
    quiet,
    reason,
    require,
)
from vprog.tools.backends.hf.settings import ModelSettings, with_defaults
from vprog.tools.backends.hf.source import DEFAULTS_FILE, find_source
from vprog.tools.backends.hf.words import Unread
from vprog.writers.decode import Choose, Stop, uniforms
from vprog.writers.prompt import Messages, Prompter, check_fits, encodable
from vprog.writers.reference import usable_tools
from vprog.writers.reply import begun, is_complete, program_text
from vprog.writers.settings import MAX_TOKENS, WriterSettings
from vprog.writers.writer import Repair, Sampling, Usage

DEFAULT_MODEL = "Qwen/Qwen2.5-Coder-1.5B-Instruct"
DEFAULT_REVISION = "2e1fd397ee46e1388853d2af2c993145b0f1098a"
"""What ``local`` without a model is: Apache-2.0, 3.1 GB, 32,768 tokens of context."""

_AHEAD = 16
"""Batches of questions that are sorted by length together."""


@dataclass(frozen=True, kw_only=True)
class LocalSettings(ModelSettings):
    """Settings of a local writer; None is what the checkpoint's ``vprog.json`` says.

    Attributes:
        prompt: See ``WriterSettings``.
        max_tokens: See ``WriterSettings``.
    """

    prompt: Literal["full", "bare"] | None = None
    max_tokens: int | None = None


@dataclass(frozen=True, slots=True)
class _Row:
    """One program to write.

    Attributes:
        prompt: Its text.
        ids: Its tokens.
        sample: Index among the candidates of its question.
    """

    prompt: str
    ids: tuple[int, ...]
    sample: int


class Local:
    """Writes programs with a model on this machine.

    Candidates of a question share the work on its prompt. A draw depends on seed, prompt and index
    of the candidate, not on what else is in the batch (but for rounding).
    """

    def __init__(self, name: str, model: str, toolbox: Toolbox, settings: WriterSettings) -> None:
        """Finds the model; its weights are loaded at the first question.

        Args:
            name: As the user called the writer.
            model: Hub id, folder or zoo name; "" is ``DEFAULT_MODEL``.
            toolbox: Whose tools programs may call.
            settings: Device, number type, batch, prompt.

        Raises:
            InputError: A package, the model or its weights are missing or broken, or it is no
                model that writes text.
        """
        require()
        where = f"writer {name}"
        revision = settings.revision or (None if model else DEFAULT_REVISION)
        self.name = name
        self.usage = Usage()
        self._where = where
        self.source = find_source(model or DEFAULT_MODEL, revision, where)
        _check_class(self.source.model_type, model, where)
        wanted = LocalSettings(
            model=model or DEFAULT_MODEL,
            revision=revision,
            device=settings.device,
            dtype=settings.dtype,
            batch_size=settings.batch_size,
            prompt=settings.prompt,
            max_tokens=settings.max_tokens,
        )
        place = str(self.source.folder / DEFAULTS_FILE)
        self._settings = with_defaults(wanted, self.source.defaults, place)
        self._most = self._settings.max_tokens or MAX_TOKENS
        self._fits = settings.batch_size
        self._grammar = settings.grammar
        self._toolbox = toolbox
        self._prompter = Prompter(toolbox, self._settings.prompt or "full", settings.shots)
        self._device = choose_device(settings.device)
        self._dtype = choose_dtype(settings.dtype, self._device, self.source.model_type, True)
        self._model: Any = None
        self._grammars: dict[Language, Any] = {}

    @property
    def fingerprint(self) -> str:
        """Model, number type, prompt and limits."""
        grammar = " grammar" if self._grammar else ""
        plain = " decoding=plain" if has_own_ways(self.source.folder) else ""
        return (
            f"local {self.source.fingerprint} {self._dtype} {self._prompter.fingerprint} "
            f"max_tokens={self._most}{grammar}{plain}"
        )

    def write(
        self, examples: Sequence[Example], language: Language, sampling: Sampling
    ) -> Iterator[Sequence[Program]]:
        """See ``Writer``; every prompt's length is checked before the first program is written."""
        asked = [(e, self._prompter.messages(e, language)) for e in examples]
        yield from self._answer(asked, language, sampling)

    def repair(
        self, broken: Sequence[Repair], language: Language, sampling: Sampling
    ) -> Iterator[Program | None]:
        """See ``Writer``; a model with the bare prompt has no repair."""
        asked = [(b.example, self._prompter.repair(b, language)) for b in broken]
        some = [(example, messages) for example, messages in asked if messages is not None]
        again = self._answer(some, language, dataclasses.replace(sampling, k=1))
        for _, messages in asked:
            yield None if messages is None else next(again)[0]

    def _answer(
        self, asked: Sequence[tuple[Example, Messages]], language: Language, sampling: Sampling
    ) -> Iterator[list[Program]]:
        if not asked:
            return
        self._load()
        prompts = [self._text(messages) for _, messages in asked]
        tokens = [self._tokens(prompt) for prompt in prompts]
        self._unread.look(prompts, tokens)
        for (example, _), ids in zip(asked, tokens, strict=True):
            check_fits(example, len(ids), self._most, self._context)
        # Equal prompts (one statement about many pairs of pictures) are answered once.
        first: dict[str, int] = {}
        for n, prompt in enumerate(prompts):
            first.setdefault(prompt, n)
        known: dict[str, list[Program]] = {}
        ahead = max(1, self._fits * _AHEAD // sampling.k)
        distinct = list(first.values())
        for prompt in prompts:
            if prompt not in known:
                chunk, distinct = distinct[:ahead], distinct[ahead:]
                known |= self._written([(prompts[m], tokens[m]) for m in chunk], language, sampling)
            yield known[prompt]

    def _written(
        self,
        asked: Sequence[tuple[str, tuple[int, ...]]],
        language: Language,
        sampling: Sampling,
    ) -> dict[str, list[Program]]:
        """The programs for each of some prompts, best first."""
        # Like with like: fewer blanks beside short prompts; the longest first, so that a batch
        # that is too large shows at once.
        order = sorted(asked, key=lambda pair: -len(pair[1]))
        rows = [_Row(prompt, ids, j) for prompt, ids in order for j in range(sampling.k)]
        written = self._in_batches(rows, sampling, language)
        found: dict[str, list[Program]] = {prompt: [] for prompt, _ in order}
        for row, (text, logprob) in zip(rows, written, strict=True):
            program = program_text(begun(row.prompt) + text, language)
            found[row.prompt].append(Program(program, language, logprob))
        for programs in found.values():
            programs.sort(key=lambda p: -(p.logprob or 0.0))
        return found

    def _load(self) -> None:
        if self._model is not None:
            return
        self._tokenizer = load_processor(self.source, self._settings, "AutoTokenizer")
        if not self._tokenizer.chat_template:
            raise InputError(
                f"{self._where}: model {self.source.name!r} has no chat template; take its "
                "-Instruct or -it variant"
            )
        self._unread = Unread(self._where, self._tokenizer)
        model = load_model(self.source, "AutoModelForCausalLM", self._settings, self._dtype)
        self._model = model.to(self._device)
        self._ends = end_ids(model, self._tokenizer)
        write_plainly(model)
        config = model.config.get_text_config()
        self._context = int(getattr(config, "max_position_embeddings", None) or 1_000_000)

    def _text(self, messages: Messages) -> str:
        try:
            return str(
                self._tokenizer.apply_chat_template(
                    encodable(messages), tokenize=False, add_generation_prompt=True
                )
            )
        except Exception as error:
            raise InputError(
                f"{self._where}: the chat template of {self.source.name!r} fails: {reason(error)}"
            ) from error

    def _tokens(self, prompt: str) -> tuple[int, ...]:
        # The template spells special tokens out.
        return tuple(self._tokenizer(prompt, add_special_tokens=False)["input_ids"])

    def _in_batches(
        self, rows: Sequence[_Row], sampling: Sampling, language: Language
    ) -> list[tuple[str, float]]:
        """Text and log-probability for every row; batches are halved where memory runs out."""
        written: list[tuple[str, float]] = []
        while len(written) < len(rows):
            chunk = rows[len(written) : len(written) + self._fits]
            try:
                with quiet():
                    written += self._generate(chunk, sampling, language)
            except Exception as error:
                if not is_out_of_memory(error):
                    raise
                error.__traceback__ = None  # frames hold tensors
                if len(chunk) == 1:
                    raise InputError(
                        f"{self._where} ran out of memory on one prompt of {len(chunk[0].ids):,} "
                        "tokens; use a smaller model, fewer --shots, or --device cpu"
                    ) from None
                self._fits = max(1, len(chunk) // 2)
        return written

    def _generate(
        self, rows: Sequence[_Row], sampling: Sampling, language: Language
    ) -> list[tuple[str, float]]:
        import torch
        from transformers import GenerationConfig

        distinct = list(dict.fromkeys(row.ids for row in rows))
        place = {ids: n for n, ids in enumerate(distinct)}
        pad = min(self._ends, default=0)
        width = max(map(len, distinct))
        blanks = [width - len(ids) for ids in distinct]
        ids = torch.tensor([[pad] * b + [*i] for b, i in zip(blanks, distinct, strict=True)])
        seen = torch.tensor([[0] * b + [1] * (width - b) for b in blanks])
        ids, seen = ids.to(self._device), seen.to(self._device)
        which = torch.tensor([place[row.ids] for row in rows], device=self._device)
        choose = Choose(
            sampling,
            [uniforms(sampling.seed, row.prompt, row.sample, self._most) for row in rows],
            self._mask(language, len(rows), width),
        )
        start = begun(rows[0].prompt)  # the template's, and so that of all rows
        stop = Stop(width, self._decode, lambda text: is_complete(start + text, language))
        more: dict[str, Any] = {}
        with torch.inference_mode():
            if len(distinct) < len(rows):
                more["past_key_values"] = self._read_once(ids, seen, which)
            out = self._model.generate(
                input_ids=ids[which],
                attention_mask=seen[which],
                generation_config=GenerationConfig(
                    max_new_tokens=self._most,
                    do_sample=False,
                    eos_token_id=sorted(self._ends),
                    pad_token_id=pad,
                    bos_token_id=self._tokenizer.bos_token_id,
                ),
                logits_processor=[choose],
                stopping_criteria=[stop],
                **more,
            )
        self.usage.requests += len(distinct)
        self.usage.prompt_tokens += sum(map(len, distinct))
        logprobs = torch.stack(choose.logprobs, 1).tolist()
        return [
            self._read(tokens, logprobs[n], stop.lengths[n])
            for n, tokens in enumerate(out[:, width:].tolist())
        ]

    def _read_once(self, ids: Any, seen: Any, which: Any) -> Any:
        """The cache of all prompts but their last token, each read once for all its candidates."""
        positions = (seen.cumsum(-1) - 1).clamp(min=0)
        cache = self._model(
            input_ids=ids[:, :-1],
            attention_mask=seen[:, :-1],
            position_ids=positions[:, :-1],
            use_cache=True,
            logits_to_keep=1,
        ).past_key_values
        cache.batch_select_indices(which)
        return cache

    def _read(
        self, tokens: list[int], logprobs: list[float], stopped: int | None
    ) -> tuple[str, float]:
        """Text and log-probability of a row; what follows its end is padding."""
        end = next((n for n, token in enumerate(tokens) if token in self._ends), len(tokens))
        taken = min(end + 1, len(tokens))  # the end token is part of what the model believes
        if stopped is not None and stopped <= end:
            end = taken = stopped
        self.usage.completion_tokens += taken
        return self._decode(tokens[:end]), round(sum(logprobs[:taken]), 6)

    def _decode(self, ids: Sequence[int]) -> str:
        return str(self._tokenizer.decode(list(ids), skip_special_tokens=True))

    def _mask(self, language: Language, rows: int, start: int) -> Any:
        """What keeps the rows of a batch inside the language, or None."""
        if not self._grammar:
            return None
        from vprog.writers.grammar import Grammar

        if language not in self._grammars:
            tools = usable_tools(self._toolbox)
            self._grammars[language] = Grammar(tools, language, self._tokenizer)
        return self._grammars[language].mask(rows, start)


def _check_class(family: str, model: str, where: str) -> None:
    from vprog.tools.backends.hf.runtime import auto_names

    if family not in auto_names("MODEL_FOR_CAUSAL_LM_MAPPING_NAMES"):
        raise InputError(
            f"{where}: model {model!r} is of the family {family!r}, which writes no text; take an "
            "instruct model that AutoModelForCausalLM loads (Llama, Qwen, Gemma, ...)"
        )
