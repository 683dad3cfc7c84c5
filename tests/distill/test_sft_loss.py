"""VPD's loss against its formula, computed row by row in numpy; masks token by token."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from students import KINDS, make_student, records

__all__ = ["make_student"]


def opened(model: str) -> Any:
    from vprog.distill.answerer import Answerer, answerer_settings

    backend = Answerer(answerer_settings(model, dtype="float32"), "student")
    backend.prepare()
    return backend


def loop_of(model: str, data: Any, **settings: Any) -> Any:
    from vprog.distill.settings import PromptSettings
    from vprog.distill.sft import Records
    from vprog.distill.sft_loop import Material, SftLoop
    from vprog.distill.sft_settings import SftSettings

    material = Material(
        student="tiny", backend=opened(model), records=Records(data), val=None,
        prompts=PromptSettings(),
    )  # fmt: skip
    return SftLoop(material, SftSettings(method="full", **settings), None, None)


def log_softmax(logits: Any) -> Any:
    shifted = logits - logits.max(-1, keepdims=True)
    return shifted - np.log(np.exp(shifted).sum(-1, keepdims=True))


def by_formula(model: Any, chat: Any, row: dict[str, Any]) -> float:
    """Minus the mean log-probability of a target's tokens, one by one.

    Written without the code under test: the row's own prompt and target, a forward pass in double
    precision, and the definition.
    """
    import torch

    prompt = row["messages"][0]["content"][-1]["text"]
    target = row["messages"][1]["content"][0]["text"]
    inputs = chat.prepare(prompt, row["images"])
    start = inputs["input_ids"].shape[1]
    wanted = chat.tokenizer(target, add_special_tokens=False)["input_ids"]
    wanted = [*wanted, chat.tokenizer.eos_token_id]
    ids = torch.cat([inputs["input_ids"], torch.tensor([wanted])], 1)
    more = {k: v for k, v in inputs.items() if v.shape != inputs["input_ids"].shape}
    more = {k: v.double() if v.is_floating_point() else v for k, v in more.items()}
    with torch.no_grad():
        logits = model(input_ids=ids, attention_mask=torch.ones_like(ids), **more).logits[0].numpy()
    lp = log_softmax(logits)
    told = [lp[start - 1 + n, token] for n, token in enumerate(wanted)]
    return -float(np.mean(told))


@pytest.mark.parametrize("rationale_weight", [1.0, 0.25, 0.0])
def test_the_loss_of_a_step_is_vpds_formula(
    rationale_weight: float, student: Callable[[str], str]
) -> None:
    import torch

    data = records(6)
    loop = loop_of(
        student("idefics3"), data,
        batch_size=6, micro_batch=3, steps=1, rationale_weight=rationale_weight,
    )  # fmt: skip
    chat = loop._backend.answerer
    model = chat.model.double()
    values, weights, answers = [], [], []
    for row in data:
        kind = rationale_weight if row["kind"] == "rationale" else 1.0
        if kind:
            values.append(by_formula(model, chat, row))
            weights.append(kind * row["weight"])
            answers += values[-1:] if row["kind"] == "answer" else []
    wanted = np.dot(values, weights) / np.sum(weights)
    passes = loop.prepared(0)
    assert len(passes) > 1
    with torch.no_grad():
        losses = [loop.forward(0, item) for item in passes]
    assert sum(float(loss) for loss, _ in losses) == pytest.approx(wanted, abs=1e-6)
    told = sum(float(figures["answer loss"]) for _, figures in losses)
    assert told == pytest.approx(np.mean(answers), abs=1e-6)
    assert ("rationale loss" in losses[0][1]) == (rationale_weight > 0)
    loop.close()


def test_every_target_counts_as_a_mean_over_its_own_tokens() -> None:
    import torch

    from vprog.distill.loss import target_nll

    generator = torch.Generator().manual_seed(0)
    logits = torch.randn(4, 7, 11, generator=generator, dtype=torch.float64)
    labels = torch.randint(0, 11, (4, 7), generator=generator)
    labels[0, :5], labels[1, :2], labels[2, 3:], labels[3, 1:] = -100, -100, -100, -100
    lp = log_softmax(logits.numpy())
    for row in range(4):
        asked = [n for n in range(7) if labels[row, n] != -100]
        wanted = -np.mean([lp[row, n, labels[row, n]] for n in asked])
        assert float(target_nll(logits, labels)[row]) == pytest.approx(wanted, abs=1e-6)


@pytest.mark.parametrize("name", KINDS)
def test_the_mask_token_by_token(name: str, student: Callable[[str], str]) -> None:
    """Every token of the target and its end is predicted, and none of the prompt or padding."""
    from vprog.distill.sft import Batches, Records
    from vprog.tools.backends.hf.runtime import quiet

    data = records(3)
    chat = opened(student(name)).answerer
    batches = Batches(chat, Records(data), 0)
    seen = 0
    for inputs, labels, numbers in batches.stack(range(len(data)), 8):
        for line, number in enumerate(numbers):
            prompt = data[number]["messages"][0]["content"][-1]["text"]
            target = data[number]["messages"][1]["content"][0]["text"]
            ids = inputs["input_ids"][line].tolist()
            with quiet():
                head = chat.prepare(prompt, data[number]["images"])["input_ids"][0].tolist()
            tail = chat.tokenizer(target, add_special_tokens=False)["input_ids"]
            tail = [*tail, chat.tokenizer.eos_token_id]
            assert ids[: len(head) + len(tail)] == head + tail
            for at, label in enumerate(labels[line].tolist()):
                if len(head) - 1 <= at < len(head) + len(tail) - 1:
                    assert label == ids[at + 1] == tail[at - len(head) + 1]
                else:
                    assert label == -100
            padded = ids[len(head) + len(tail) :]
            assert set(padded) <= {chat.tokenizer.pad_token_id}
            attended = inputs["attention_mask"][line].tolist()
            assert attended == [1] * (len(head) + len(tail)) + [0] * len(padded)
            seen += 1
    assert seen == len(data)
    lengths = {inputs["input_ids"].shape[1] for inputs, *_ in batches.stack(range(len(data)), 1)}
    assert len(lengths) > 1


@pytest.mark.parametrize("name", KINDS)
@pytest.mark.parametrize("pictures", [1, 2])
def test_padding_and_neighbours_change_nothing(
    name: str, pictures: int, student: Callable[[str], str]
) -> None:
    import torch

    from vprog.distill.loss import Objective
    from vprog.distill.sft import Batches, Records

    data = records(6, pictures)
    chat = opened(student(name)).answerer
    batches = Batches(chat, Records(data), 10)
    objective = Objective(chat.model, chat.model)
    alone: dict[int, float] = {}
    together: dict[int, float] = {}
    with torch.no_grad():
        for found, most in ((alone, 1), (together, 100)):
            for inputs, labels, numbers in batches.stack(range(len(data)), most):
                nll = objective(inputs, labels).tolist()
                found.update(zip(numbers, nll, strict=True))
    assert together == pytest.approx(alone, abs=2e-5)
    assert len({round(v, 3) for v in alone.values()}) > 3


def test_the_end_of_a_target_counts_once(student: Callable[[str], str]) -> None:
    """A template that writes the end itself gives the same targets as one without."""
    chat = opened(student("idefics3")).answerer
    plain = chat.written("red cup")
    chat._processor.chat_template = chat._processor.chat_template.replace(
        "{% endfor %}{% if add", "{% if message['role'] == 'assistant' %}[EOS]{% endif %}"
        "{% endfor %}{% if add",
    ).replace(
        "User :", "{{ 'User :' if message['role'] == 'user' else ' Assistant :' }}"
    )  # fmt: skip
    del chat._around
    assert chat._around == (" ", "[EOS]")
    assert chat.written("red cup") == plain
