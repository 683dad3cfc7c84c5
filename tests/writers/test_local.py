"""The local writer: batches, draws, log-probabilities, ends; and what it refuses."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
from little import make_writer, tokenizer

from vprog.errors import InputError
from vprog.example import Example, Picture
from vprog.program import Program
from vprog.tools.toolboxes import load_toolbox
from vprog.writers import Repair, Sampling, Writer, WriterSettings, load_writer

torch = pytest.importorskip("torch")


def example(question: str) -> Example:
    return Example(id=question, pictures=(Picture("a", path="a.png"),), question=question)


EXAMPLES = [
    example("How many cups are there?"),
    example("Is it red?"),
    example("Which of the animals to the left of the small blue vehicle is striped?"),
    example("Is it  red?"),
    example("What is on the table?"),
]
DRAWN = Sampling(k=5, temperature=0.9, seed=3)


def local(folder: Path | str, **more: Any) -> Writer:
    return load_writer(
        f"local:{folder}",
        toolbox=load_toolbox("oracle"),
        benchmark="world-gqa",
        settings=WriterSettings(**{"device": "cpu", **more}),
    )


def by_hand(folder: Path, prompt: str, written: str) -> float:
    """The log-probability of a text after a prompt, from one plain forward pass."""
    from transformers import LlamaForCausalLM

    words = tokenizer()
    model = LlamaForCausalLM.from_pretrained(folder)
    start = words(f"<|user|>{prompt}<|end|><|assistant|>")["input_ids"]
    ids = torch.tensor([start + words(written)["input_ids"]])
    with torch.inference_mode():
        beliefs = model(ids).logits[0, len(start) - 1 : -1].log_softmax(-1)
    return float(beliefs.gather(-1, ids[0, len(start) :, None]).sum())


def greedy(folder: Path, prompt: str, most: int = 40) -> str:
    """What the model writes, token by token, without a cache and without vprog."""
    from transformers import LlamaForCausalLM

    words = tokenizer()
    model = LlamaForCausalLM.from_pretrained(folder)
    ids = words(f"<|user|>{prompt}<|end|><|assistant|>")["input_ids"]
    start = len(ids)
    with torch.inference_mode():
        while len(ids) < start + most and (len(ids) == start or ids[-1] != 1):
            ids.append(int(model(torch.tensor([ids])).logits[0, -1].argmax()))
    return str(words.decode(ids[start:], skip_special_tokens=True)).strip()


def test_greedy_programs_are_what_the_model_writes_one_at_a_time(little: Path) -> None:
    writer = local(little)
    found = list(writer.write(EXAMPLES, "steps", Sampling()))
    assert [len(f) for f in found] == [1] * 5
    assert found[1] == found[3]  # the same question but for a blank
    wanted = [greedy(little, f"steps 1 {' '.join(e.question.lower().split())}") for e in EXAMPLES]
    assert [f[0].text for f in found] == wanted
    assert all(f[0].language == "steps" for f in found)
    assert len({f[0].text for f in found}) > 1
    assert writer.usage.requests == 4


def test_penalties_of_the_checkpoint_are_not_applied(little: Path, tmp_path: Path) -> None:
    config = shutil.copytree(little, tmp_path / "strict") / "generation_config.json"
    said = json.loads(config.read_text())
    config.write_text(json.dumps({**said, "repetition_penalty": 9.0, "no_repeat_ngram_size": 1}))
    plain, strict = local(little), local(config.parent)
    assert [[p.text for p in f] for f in strict.write(EXAMPLES, "steps", DRAWN)] == [
        [p.text for p in f] for f in plain.write(EXAMPLES, "steps", DRAWN)
    ]
    # Programs from before, with penalties, are not taken for these.
    assert "decoding=plain" in strict.fingerprint
    assert "decoding" not in plain.fingerprint


def test_a_thought_that_the_template_begins_is_no_program(little: Path, tmp_path: Path) -> None:
    template = shutil.copytree(little, tmp_path / "thinking") / "chat_template.jinja"
    template.write_text(template.read_text().replace("<|assistant|>{%", "<|assistant|><think>\n{%"))
    found = list(local(template.parent).write(EXAMPLES, "steps", DRAWN))
    assert {p.text for programs in found for p in programs} == {""}


def test_draws_do_not_depend_on_the_batch(little: Path) -> None:
    together = list(local(little).write(EXAMPLES, "python", DRAWN))
    alone = local(little, batch_size=1)
    one_by_one = [next(iter(alone.write([e], "python", DRAWN))) for e in reversed(EXAMPLES)]
    for found, again in zip(together, reversed(one_by_one), strict=True):
        assert [p.text for p in found] == [p.text for p in again]
        pairs = [(p.logprob, q.logprob) for p, q in zip(found, again, strict=True)]
        assert all(p == pytest.approx(q, abs=1e-3) for p, q in pairs)
    assert len({p.text for found in together for p in found}) >= 12
    other = Sampling(k=5, temperature=0.9, seed=4)
    assert list(local(little).write(EXAMPLES[:1], "python", other)) != together[:1]


def test_candidates_come_with_log_probabilities_the_best_first(little: Path) -> None:
    (found,) = local(little).write([EXAMPLES[1]], "steps", Sampling(k=8, temperature=0.7))
    beliefs = [p.logprob for p in found]
    assert beliefs == sorted(beliefs, reverse=True)
    checked = 0
    for program in found:
        # Whether it ended or was cut cannot be seen from the text: one of the two must agree.
        ways = [
            by_hand(little, "steps 1 is it red?", program.text + end) for end in ("<|end|>", "")
        ]
        checked += any(program.logprob == pytest.approx(way, abs=1e-3) for way in ways)
    assert checked >= 6  # a text that is stripped at its edges cannot be found again


def test_temperature_and_top_p_do_what_they_say() -> None:
    from vprog.writers.decode import draw, uniforms

    scores = torch.tensor([[2.0, 0.0, 1.0, float("-inf")]]).expand(20_000, 4)
    numbers = [uniforms(0, "", n, 1)[0] for n in range(20_000)]
    for temperature, top_p in ((1.0, 1.0), (0.5, 1.0), (1.0, 0.8), (2.0, 0.3)):
        share = (
            torch.bincount(draw(scores, numbers, temperature, top_p)[:, 0], minlength=4) / 20_000
        )
        wanted = (scores[0] / temperature).softmax(-1)
        order = wanted.argsort(descending=True)
        before = wanted[order].cumsum(0) - wanted[order]
        wanted[order[before >= top_p]] = 0
        assert torch.allclose(share, wanted / wanted.sum(), atol=0.012), (temperature, top_p)


def test_edges_of_a_draw() -> None:
    from vprog.writers.decode import draw

    scores = torch.tensor([[0.0, 5.0, float("-inf")]] * 2)
    assert draw(scores, [0.0, 1 - 1e-12], 1.0, 1.0).tolist() == [[1], [0]]


def test_a_row_ends_where_its_program_is_complete() -> None:
    from vprog.writers.decode import Stop

    texts = {0: "A=X()", 1: "\n", 2: "F=RESULT(var=A)", 3: "more"}
    stop = Stop(1, lambda ids: "".join(texts[i] for i in ids), lambda text: "RESULT" in text)
    rows = [[9, 0, 1, 2, 1, 3], [9, 0, 3, 3, 3, 3]]
    ended = [stop(torch.tensor([r[:n] for r in rows]), None).tolist() for n in range(2, 7)]
    assert ended == [[False, False]] * 3 + [[True, False]] * 2
    assert stop.lengths == [4, None]


def test_batches_are_halved_where_memory_runs_out(
    little: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from vprog.writers.local import Local

    plain = Local._generate
    sizes = []

    def short(self: Local, rows: Any, sampling: Any, language: Any) -> Any:
        sizes.append(len(rows))
        if len(rows) > 6:
            raise RuntimeError("CUDA out of memory")
        return plain(self, rows, sampling, language)

    wanted = list(local(little).write(EXAMPLES, "steps", DRAWN))
    monkeypatch.setattr(Local, "_generate", short)
    assert [[p.text for p in f] for f in local(little).write(EXAMPLES, "steps", DRAWN)] == [
        [p.text for p in f] for f in wanted
    ]
    assert sizes == [20, 10, 5, 5, 5, 5]


def test_what_does_not_fit_is_refused_before_anything_is_written(little: Path) -> None:
    long = example("Is it " + "very " * 300 + "red?")
    writer = local(little)
    with pytest.raises(InputError, match=r"prompt for example '.*' has 1,5\d\d tokens .* 40, but"):
        next(iter(writer.write([EXAMPLES[0], long], "steps", Sampling())))
    assert writer.usage.requests == 0
    full = local(little, prompt="full", shots=2)
    with pytest.raises(InputError, match=r"the model takes 1,024 together. Lower --shots"):
        next(iter(full.write(EXAMPLES, "steps", Sampling())))


def test_a_bare_model_has_no_repair(little: Path) -> None:
    broken = Repair(EXAMPLES[0], Program("A=", "steps"), "syntax error")
    assert list(local(little).repair([broken], "steps", Sampling())) == [None]


def test_the_fingerprint_names_what_can_change_a_program(little: Path, tmp_path: Path) -> None:
    prints = {
        local(little).fingerprint,
        local(little, max_tokens=41).fingerprint,
        local(little, prompt="full").fingerprint,
        local(little, prompt="full", shots=3).fingerprint,
        local(little, dtype="bfloat16").fingerprint,
        local(little, grammar=True).fingerprint,
    }
    assert len(prints) == 6
    moved = shutil.copytree(little, tmp_path / "moved")
    assert local(moved, batch_size=3).fingerprint == local(little).fingerprint


def test_what_is_no_writer_is_refused(little: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="does not exist"):
        local(tmp_path / "nowhere")
    empty = shutil.copytree(little, tmp_path / "empty")
    (empty / "model.safetensors").unlink()
    with pytest.raises(InputError, match="has no weights"):
        local(empty)
    other = shutil.copytree(little, tmp_path / "other")
    config = other / "config.json"
    config.write_text(config.read_text().replace('"llama"', '"clip"'))
    with pytest.raises(InputError, match=r"family 'clip', which writes no text"):
        local(other)
    mute = shutil.copytree(little, tmp_path / "mute")
    (mute / "chat_template.jinja").unlink()
    with pytest.raises(InputError, match="has no chat template"):
        next(iter(local(mute).write(EXAMPLES, "steps", Sampling())))
    odd = make_writer(tmp_path / "odd", colour="red")
    with pytest.raises(InputError, match=r"vprog\.json\.colour: no setting"):
        local(odd)
