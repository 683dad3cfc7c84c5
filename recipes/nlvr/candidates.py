"""Programs that a writer proposes for statements, and what they answer about pictures."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from pairs import prompt
from proposal import Proposal
from tokens import PROGRAM, USER
from transformers import AutoTokenizer, LlamaForCausalLM

from vprog.benchmarks.nlvr import BENCHMARK
from vprog.engine import Engine, Task
from vprog.example import Example
from vprog.program.program import Program
from vprog.tools.toolboxes import load_toolbox

MAX_TOKENS = 100


class Proposer:
    """Samples programs from a trained writer."""

    def __init__(self, folder: Path, seed: int) -> None:
        """Loads model and tokenizer."""
        torch.manual_seed(seed)
        torch.set_num_threads(1)
        self._tokenizer = AutoTokenizer.from_pretrained(folder)
        self._model = LlamaForCausalLM.from_pretrained(folder, dtype=torch.float32).eval()

    def propose(
        self, sentences: Sequence[str], language: str, k: int, temperature: float
    ) -> dict[str, list[Proposal]]:
        """Distinct candidates of each sentence, the likeliest first: one greedy, k sampled."""
        found: dict[str, dict[str, Proposal]] = {s: {} for s in sentences}
        order = sorted(sentences, key=len)
        for start in range(0, len(order), 64):
            chunk = order[start : start + 64]
            for greedy in (True, False):
                if not greedy and k == 0:
                    continue
                texts = self._generate(chunk, language, 1 if greedy else k, temperature, greedy)
                for sentence, text in texts:
                    found[sentence].setdefault(text, Proposal(text, 0.0, greedy))
        scores = self._scores([(s, t) for s in sentences for t in found[s]], language)
        return {
            s: sorted(
                (Proposal(t, scores[s, t], c.greedy) for t, c in found[s].items()),
                key=lambda c: -c.logprob,
            )
            for s in sentences
        }

    @torch.inference_mode()
    def _generate(
        self, sentences: Sequence[str], language: str, k: int, temperature: float, greedy: bool
    ) -> list[tuple[str, str]]:
        asked = [f"{USER}{prompt(language, s)}{PROGRAM}" for s in sentences]
        inputs = self._tokenizer(
            asked,
            add_special_tokens=False,
            padding=True,
            return_tensors="pt",
            return_token_type_ids=False,
        )
        how: dict[str, Any] = {"do_sample": False}
        if not greedy:
            how = {
                "do_sample": True,
                "temperature": temperature,
                "top_k": 0,
                "num_return_sequences": k,
            }
        ids = self._model.generate(
            **inputs, max_new_tokens=MAX_TOKENS, pad_token_id=self._tokenizer.pad_token_id, **how
        )
        width = inputs["input_ids"].shape[1]
        texts = self._tokenizer.batch_decode(ids[:, width:], skip_special_tokens=True)
        return [(sentences[i // k], text) for i, text in enumerate(texts)]

    @torch.inference_mode()
    def _scores(
        self, pairs: Sequence[tuple[str, str]], language: str
    ) -> dict[tuple[str, str], float]:
        """Log-probability of each program."""
        from pairs import encode
        from training import batches, tensors

        rows = encode(self._tokenizer, [(prompt(language, s), t) for s, t in pairs])
        place = {id(row): pair for row, pair in zip(rows, pairs, strict=True)}
        scores: dict[tuple[str, str], float] = {}
        for batch in batches(rows, 20_000):
            inputs, labels = tensors(batch, self._tokenizer.pad_token_id)
            logits = self._model(input_ids=inputs).logits[:, :-1].log_softmax(-1)
            wanted = labels[:, 1:]
            told = logits.gather(-1, wanted.clamp(min=0)[..., None])[..., 0]
            sums = told.masked_fill(wanted < 0, 0.0).sum(1).tolist()
            scores |= {place[id(row)]: value for row, value in zip(batch, sums, strict=True)}
        return scores


def answers(
    asked: Iterable[tuple[Example, str]], language: str
) -> Mapping[tuple[str, str], str | None]:
    """What programs answer about examples' pictures: (example id, program) -> yes, no or None."""
    asked = list(asked)
    pairs = list(dict.fromkeys((e.id, text) for e, text in asked))
    examples = {e.id: e for e, _ in asked}
    toolbox = load_toolbox("pixels").with_tools(BENCHMARK.tools)
    tasks = [Task(examples[i], Program(t, language), n) for n, (i, t) in enumerate(pairs)]
    given: dict[tuple[str, str], str | None] = {}
    with Engine(toolbox) as engine:
        for trace in engine.run(tasks):
            ok = trace.failure is None and isinstance(trace.answer, bool)
            given[pairs[trace.candidate]] = ("yes" if trace.answer else "no") if ok else None
    return given
