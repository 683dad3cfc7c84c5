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
    told = sum(float(figures["answer"]) for _, figures in losses)
    assert told == pytest.approx(np.mean(answers), abs=1e-6)
    assert ("rationale" in losses[0][1]) == (rationale_weight > 0)
    loop.close()


def test_every_target_counts_as_a_mean_over_its_own_tokens() -> None:
    import torch

    from vprog.distill.loss import target_nll

    generator = torch.Generator().manual_seed(0)
    logits = torch.randn(4, 7, 11, generator=generator, dtype=torch.float64)
    labels = torch.randint(0, 11, (4, 7), generator=generator)
    labels[0, :5], labels[1, :2], labels[2, 3:], labels[3, 1:] = -100, -100, -100, -100
    owners = torch.arange(4)[:, None].repeat(1, 7)
    owners[1, 4:], owners[2, :] = (
        2,
        4,
    )  # two records in a row, and a record without a row of its own
    lp = log_softmax(logits.numpy())
    found = target_nll(logits, labels, owners, 5).tolist()
    for record in range(5):
        asked = [
            lp[row, n, labels[row, n]]
            for row in range(4)
            for n in range(7)
            if labels[row, n] != -100 and owners[row, n] == record
        ]
        assert found[record] == pytest.approx(-np.mean(asked), abs=1e-6)


@pytest.mark.parametrize("name", KINDS)
def test_the_mask_token_by_token(name: str, student: Callable[[str], str]) -> None:
    """Every token of the target and its end is predicted, and none of the prompt or padding."""
    from vprog.distill.batches import Batches
    from vprog.distill.sft import Records
    from vprog.tools.backends.hf.runtime import quiet

    data = records(3)
    chat = opened(student(name)).answerer
    batches = Batches(chat, Records(data), 0)
    seen = 0
    for inputs, labels, owners, numbers in batches.stack(range(len(data)), 8):
        assert owners.tolist() == [[n] * labels.shape[1] for n in range(len(numbers))]
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

    from vprog.distill.batches import Batches, can_pack
    from vprog.distill.loss import Objective
    from vprog.distill.sft import Records

    data = records(6, pictures)
    chat = opened(student(name)).answerer
    batches = Batches(chat, Records(data), 10)
    objective = Objective(chat.model, chat.model)

    def nll(most: int) -> dict[int, float]:
        found: dict[int, float] = {}
        with torch.no_grad():
            for inputs, labels, owners, numbers in batches.stack(range(len(data)), most):
                values = objective(inputs, labels, owners, len(numbers)).tolist()
                found.update(zip(numbers, values, strict=True))
        return found

    alone = nll(1)
    assert nll(100) == pytest.approx(alone, abs=2e-5)
    assert len({round(v, 3) for v in alone.values()}) > 3

    def losses(batch: Any) -> Any:
        inputs, labels, owners, numbers = batch
        return objective(inputs, labels, owners, len(numbers))

    examples = batches._records.by_example({"answer": 1, "rationale": 1})
    packs = can_pack(chat.model, losses, batches, examples)
    assert packs == (name in ("idefics3", "smolvlm", "llava"))
    assert not can_pack(chat.model, losses, batches, [[0], [2]])
    if packs:
        batches.packed = True
        rows = [batch.labels.shape[0] for batch in batches.stack(range(len(data)), 100)]
        assert sum(rows) == 6
        for most in (1, 100):
            assert nll(most) == pytest.approx(alone, abs=2e-5)


def test_packing_is_tried_in_full_precision(
    student: Callable[[str], str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Half precision rounds both readings, each in its own way."""
    import torch

    from vprog.distill.batches import can_pack

    halved: list[bool] = []

    def tried(model: Any, *more: Any) -> bool:
        hook = model.register_forward_hook(
            lambda *_: halved.append(torch.is_autocast_enabled("cpu"))
        )
        packs = can_pack(model, *more)
        hook.remove()
        return packs

    monkeypatch.setattr("vprog.distill.sft_loop.can_pack", tried)
    loop = loop_of(student("idefics3"), records(4), precision="bf16")
    assert loop.accelerator.mixed_precision == "bf16"
    assert loop.batches.packed
    assert halved == [False, False]
    loop.close()


def test_packed_records_share_their_beginning_and_nothing_else(
    student: Callable[[str], str],
) -> None:
    import torch

    from vprog.distill.batches import Batches
    from vprog.distill.loss import Objective
    from vprog.distill.sft import Records

    data = records(1)
    chat = opened(student("idefics3")).answerer
    batches = Batches(chat, Records(data), 0, packed=True)
    (batch,) = batches.stack([0, 1], 2)
    (one, one_labels), (two, two_labels) = (batches.record(n) for n in range(2))
    ids = batch.inputs["input_ids"][0].tolist()
    heads = [one["input_ids"][0].tolist(), two["input_ids"][0].tolist()]
    shared = next(n for n, (a, b) in enumerate(zip(*heads, strict=False)) if a != b)
    assert shared > 10
    assert ids == heads[0] + heads[1][shared:]
    split = len(heads[0])
    assert batch.inputs["position_ids"][0].tolist() == [
        *range(split), *range(shared, len(heads[1]))
    ]  # fmt: skip
    seen = batch.inputs["attention_mask"][0, 0]
    for at in range(len(ids)):
        mine = range(shared, at + 1) if at < split else range(split, at + 1)
        wanted = sorted({*range(min(shared, at + 1)), *mine})
        assert seen[at].nonzero()[:, 0].tolist() == wanted
    labels = one_labels[0].tolist() + two_labels[0, shared:].tolist()
    assert batch.labels[0].tolist() == labels
    objective = Objective(chat.model, chat.model)
    with torch.no_grad():
        told = objective(*batch[:3], 2)
        blind = {**batch.inputs, "attention_mask": seen.new_ones(seen.shape).tril()[None, None]}
        assert (objective(blind, *batch[1:3], 2) - told)[1].abs() > 1e-3  # it would see the answer
        astray = {k: v for k, v in batch.inputs.items() if k != "position_ids"}
        assert (objective(astray, *batch[1:3], 2) - told)[1].abs() > 1e-3
    counted = [owner for owner, label in zip(batch.owners[0].tolist(), labels, strict=True)
               if label != -100]  # fmt: skip
    first = int((one_labels != -100).sum())
    assert counted == [0] * first + [1] * (len(counted) - first)


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
