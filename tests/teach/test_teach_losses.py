"""Every loss against an independent formula, in numpy or in another library."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import pytest

torch: Any = pytest.importorskip("torch", reason="needs torch: pip install 'vprog[teach]'")

from vprog.teach import detect_loss, losses  # noqa: E402


def softmax(x: np.ndarray, axis: int = -1) -> np.ndarray:
    e = np.exp(x - x.max(axis, keepdims=True))
    return e / e.sum(axis, keepdims=True)


def kl(p: np.ndarray, q: np.ndarray) -> float:
    return float(sum(a * np.log(a / b) for a, b in zip(p, q, strict=True) if a > 0))


def rng(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


@pytest.mark.parametrize("heat", [1.0, 2.5])
def test_answer_kl(heat: float) -> None:
    logits, teacher = rng().normal(size=(4, 5)), softmax(rng(1).normal(size=(4, 5)))
    teacher[3] = [0, 0, 1, 0, 0]
    found = losses.answer_kl(torch.tensor(logits), torch.tensor(teacher), heat).numpy()
    for n in range(3):
        soft = teacher[n] ** (1 / heat)
        assert found[n] == pytest.approx(
            heat**2 * kl(soft / soft.sum(), softmax(logits[n] / heat)), rel=1e-5
        )
    # What the teacher rules out stays ruled out at any temperature.
    shares, said = np.array([0.7, 0.3, *[0.0] * 998]), rng(2).normal(size=1000)
    some = float(losses.answer_kl(torch.tensor(said)[None], torch.tensor(shares)[None], heat)[0])
    soft = shares ** (1 / heat)
    assert some == pytest.approx(heat**2 * kl(soft / soft.sum(), softmax(said / heat)), rel=1e-5)
    assert found[3] == pytest.approx(-np.log(softmax(logits[3])[2])), "cross entropy where named"


def test_logits_kl_is_torchs_kl_div() -> None:
    new, old = torch.tensor(rng().normal(size=(3, 6))), torch.tensor(rng(1).normal(size=(3, 6)))
    other = torch.nn.functional.kl_div(
        (new / 2).log_softmax(-1), (old / 2).softmax(-1), reduction="none"
    ).sum(-1)
    assert losses.logits_kl(new, old, 2.0).numpy() == pytest.approx((4 * other).numpy())
    assert losses.logits_kl(old, old).abs().max() < 1e-12


def test_beliefs() -> None:
    logits, belief = rng().normal(size=7), np.array([0, 1, 0.5, 0.2, 0.9, 1, 0])
    student = 1 / (1 + np.exp(-logits))
    wanted = [
        kl(np.array([b, 1 - b]), np.array([s, 1 - s])) for b, s in zip(belief, student, strict=True)
    ]
    found = losses.bernoulli_kl(torch.tensor(logits), torch.tensor(belief))
    assert found.numpy() == pytest.approx(np.array(wanted))
    other = losses.log_belief_kl(torch.tensor(np.log(student)), torch.tensor(belief))
    assert other.numpy() == pytest.approx(np.array(wanted))


def test_options() -> None:
    logits, belief = rng().normal(size=4), np.array([0.9, 0.3, 0.0, 0.6])
    found = float(losses.options_kl(torch.tensor(logits), torch.tensor(belief)))
    assert found == pytest.approx(kl(belief / belief.sum(), softmax(logits)), rel=1e-5)


def test_words() -> None:
    logits = rng().normal(size=(2, 3, 5))
    labels = np.array([[1, 4, -100], [-100, 0, 2]])
    wanted = [
        -sum(np.log(softmax(logits[r, n])[c]) for n, c in enumerate(labels[r]) if c >= 0)
        for r in range(2)
    ]
    said = torch.tensor(logits), torch.tensor(labels)
    assert losses.words_nll(*said).numpy() == pytest.approx(np.array(wanted), rel=1e-5)
    before = rng(1).normal(size=(2, 3, 5))
    kept = [
        sum(
            kl(softmax(before[r, n]), softmax(logits[r, n]))
            for n, c in enumerate(labels[r])
            if c >= 0
        )
        for r in range(2)
    ]
    found = losses.words_kl(said[0], torch.tensor(before), said[1]).numpy()
    assert found == pytest.approx(np.array(kept), rel=1e-4)


def some_boxes(n: int, seed: int) -> np.ndarray:
    one = rng(seed)
    return np.concatenate([one.uniform(0.2, 0.8, (n, 2)), one.uniform(0.05, 0.4, (n, 2))], 1)


def plain_giou(a: np.ndarray, b: np.ndarray) -> float:
    """Of two boxes cxcywh, by areas."""
    (al, at, ar, ab), (bl, bt, br, bb) = (
        (x - w / 2, y - h / 2, x + w / 2, y + h / 2) for x, y, w, h in (a, b)
    )
    inside = max(0, min(ar, br) - max(al, bl)) * max(0, min(ab, bb) - max(at, bt))
    union = (ar - al) * (ab - at) + (br - bl) * (bb - bt) - inside
    hull = (max(ar, br) - min(al, bl)) * (max(ab, bb) - min(at, bt))
    return inside / union - (hull - union) / hull


def plain_focal(logit: float, target: float) -> float:
    p = 1 / (1 + np.exp(-logit))
    cross = -(target * np.log(p) + (1 - target) * np.log(1 - p))
    return float(cross * (target - p) ** 2)


def test_giou() -> None:
    pytest.importorskip("transformers")
    from transformers.loss.loss_for_object_detection import generalized_box_iou

    one, two = torch.tensor(some_boxes(6, 0)), torch.tensor(some_boxes(4, 1))
    one, two = detect_loss.corners(one), detect_loss.corners(two)
    found = detect_loss.giou(one[:, None], two[None])
    assert found.numpy() == pytest.approx(generalized_box_iou(one, two).numpy())


def one_phrase(seed: int, n: int) -> tuple[Any, Any]:
    found = detect_loss.Found(
        logits=torch.tensor(rng(seed).normal(size=(1, 6))).float(),
        boxes=torch.tensor(some_boxes(6, seed))[None].float(),
    )
    target = detect_loss.Target(
        torch.tensor(some_boxes(n, seed + 50)).float().reshape(-1, 4),
        torch.tensor(rng(seed).uniform(0.3, 1, n)).float(),
    )
    return found, target


@pytest.mark.parametrize("seed", range(4))
def test_the_set_loss_is_the_cheapest_of_all_assignments(seed: int) -> None:
    found, target = one_phrase(seed, 3)
    logits, boxes = found.logits[0].numpy(), found.boxes[0].numpy()
    wanted, scores = target.boxes.numpy(), target.scores.numpy()

    def part(token: int, box: int) -> tuple[float, float, float]:
        label = plain_focal(logits[token], scores[box]) - plain_focal(logits[token], 0)
        far = float(np.abs(boxes[token] - wanted[box]).sum())
        return label, far, plain_giou(boxes[token], wanted[box])

    def cost(tokens: tuple[int, ...]) -> float:
        parts = [part(token, box) for box, token in enumerate(tokens)]
        return sum(2 * label + 5 * far - 2 * overlap for label, far, overlap in parts)

    best = min(itertools.permutations(range(6), 3), key=cost)
    value = 2 * sum(plain_focal(logit, 0) for logit in logits)
    for box, token in enumerate(best):
        label, far, overlap = part(token, box)
        value += 2 * label + scores[box] * (5 * far + 2 * (1 - overlap))
    loss, size = detect_loss.set_loss(found, [target])
    assert size.tolist() == [3]
    assert float(loss[0]) == pytest.approx(value, rel=1e-4)


def test_a_phrase_without_boxes_costs_what_is_believed() -> None:
    found, target = one_phrase(0, 0)
    loss, size = detect_loss.set_loss(found, [target])
    assert size.tolist() == [1]
    wanted = 2 * sum(plain_focal(logit, 0) for logit in found.logits[0].tolist())
    assert float(loss[0]) == pytest.approx(wanted, rel=1e-5)
    half = torch.tensor([[True, False] * 3])
    part, _ = detect_loss.set_loss(found, [target], counted=half)
    wanted = 2 * sum(plain_focal(logit, 0) for logit in found.logits[0, ::2].tolist())
    assert float(part[0]) == pytest.approx(wanted, rel=1e-5)


def test_tokens_stand_for_the_smallest_box_that_they_lie_in() -> None:
    priors = torch.tensor([[x / 4, y / 4] for y in range(1, 5) for x in range(1, 5)])
    boxes = torch.tensor(
        [[0.5, 0.5, 1.0, 1.0], [0.3, 0.3, 0.3, 0.3], [0.62, 0.62, 0.02, 0.02]]
    )  # the last one holds no point
    target = detect_loss.Target(boxes, torch.ones(3))
    tokens, owners = detect_loss.by_place(priors, target)
    owned = dict(zip(tokens.tolist(), owners.tolist(), strict=True))
    assert owned[0] == 1, "(.25, .25) lies in the small box, too"
    near = min(range(16), key=lambda n: float((priors[n] - boxes[2, :2]).norm()))
    assert owned[near] == 2, "the nearest token"
    assert owned[15] == 0
    assert set(owned.values()) == {0, 1, 2}
    found = detect_loss.Found(logits=torch.zeros(1, 16), boxes=boxes[owners][None])
    _, size = detect_loss.set_loss(found, [target], priors)
    assert size.tolist() == [len(owned)]


def test_self_distillation_of_tokens() -> None:
    new, _ = one_phrase(0, 1)
    old, _ = one_phrase(1, 1)
    loss, size = detect_loss.tokens_kl(new, old)
    belief = old.logits[0].sigmoid().numpy()
    student = new.logits[0].sigmoid().numpy()
    value = 0.0
    for n in range(6):
        value += 2 * kl(
            np.array([belief[n], 1 - belief[n]]), np.array([student[n], 1 - student[n]])
        )
        one, two = new.boxes[0, n].numpy(), old.boxes[0, n].numpy()
        value += belief[n] * (5 * np.abs(one - two).sum() + 2 * (1 - plain_giou(one, two)))
    assert float(loss[0]) == pytest.approx(value, rel=1e-4)
    assert float(size[0]) == pytest.approx(max(1, belief.sum()), rel=1e-5)
    none, _ = detect_loss.tokens_kl(old, old)
    assert float(none[0]) == pytest.approx(0, abs=1e-4)


def test_no_box_that_was_found_has_a_class_target_below_the_least() -> None:
    box = torch.tensor([[0.5, 0.5, 0.3, 0.3]])
    logits = torch.full((1, 1), 0.3).logit()
    target = detect_loss.Target(box, torch.tensor([0.2]))

    def loss(boxes: Any) -> float:
        found = detect_loss.Found(logits=logits, boxes=boxes[None])
        return float(detect_loss.set_loss(found, [target], least=0.38)[0])

    assert loss(box) == pytest.approx(2 * plain_focal(float(logits), 0.38), rel=1e-4)
    far = box + 0.1
    apart = 1 - plain_giou(far[0].numpy(), box[0].numpy())
    weighed = 0.2 * (5 * 0.4 + 2 * apart)
    assert loss(far) - loss(box) == pytest.approx(weighed, rel=1e-4), "its weight stays the score"
