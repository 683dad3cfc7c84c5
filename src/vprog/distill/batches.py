"""Records as batches of a student: prompts masked, pictures prepared once, examples packed.

Answer and rationale of an example begin with the same tokens: those of its pictures and of its
question. Packed they stand behind one another in one row and share that beginning; neither sees the
other, and each stands where it would stand alone, so that a step is the same, only cheaper.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from vprog.distill.sft import Records
from vprog.tools.backends.hf.runtime import quiet
from vprog.tools.backends.hf.views import Kept


class Batch(NamedTuple):
    """Records of one forward pass.

    Attributes:
        inputs: Of the model, on the CPU.
        labels: Ids where a token of a target is predicted, -100 elsewhere, [rows, length].
        owners: To which record a position belongs, as an index into ``numbers``, [rows, length].
        numbers: Of the records.
    """

    inputs: dict[str, Any]
    labels: Any
    owners: Any
    numbers: list[int]


class _Row(NamedTuple):
    """One record, or several that share their beginning, a batch of one."""

    inputs: dict[str, Any]
    labels: Any
    owners: Any
    numbers: list[int]


class Batches:
    """Prepares records for a student and stacks them."""

    def __init__(self, chat: Any, records: Records, cache_mb: float, packed: bool = False) -> None:
        """Prepares nothing yet.

        Args:
            chat: The student's ``Chat``: what it reads in training is what it is asked.
            records: To prepare.
            cache_mb: Of prepared records that are kept.
            packed: Whether the records of an example share a row; see ``can_pack``.
        """
        self._chat, self._records = chat, records
        self._kept: Kept[tuple[dict[str, Any], Any]] = Kept(cache_mb)
        self.packed = packed

    def record(self, number: int) -> tuple[dict[str, Any], Any]:
        """Inputs of a record, a batch of one, and its labels; see ``Chat.with_reply``."""
        found = self._kept.get(number)
        if found is None:
            prompt, target = self._records.texts(number)
            inputs = self._chat.prepare(prompt, self._records.images(number))
            found = self._chat.with_reply(inputs, target)
            size = sum(value.nbytes for value in found[0].values())
            self._kept.put(number, found, size)
        return found

    def forget(self) -> None:
        """Lets go of what is prepared."""
        self._kept.clear()

    @property
    def record_mb(self) -> float:
        """Megabytes of a prepared record, on average over those that are kept; 0 without any."""
        return self._kept.megabytes / max(len(self._kept), 1)

    def stack(self, numbers: Sequence[int], most: int) -> list[Batch]:
        """Records as batches of like lengths, padded on the right.

        Args:
            numbers: Of the records.
            most: Records of one batch; those of a packed example stay together.
        """
        groups: dict[Any, list[_Row]] = {}
        with quiet():
            for row in self._rows(numbers):
                shape = tuple(
                    (key, tuple(value.shape))
                    for key, value in sorted(row.inputs.items())
                    if not _is_text(value, row.labels)
                )
                groups.setdefault(shape, []).append(row)
        batches = []
        for rows in groups.values():
            rows.sort(key=lambda row: row.labels.shape[1])
            some: list[_Row] = []
            for row in rows:
                if some and sum(len(r.numbers) for r in some) + len(row.numbers) > most:
                    batches.append(self._stacked(some))
                    some = []
                some.append(row)
            batches.append(self._stacked(some))
        return batches

    def _rows(self, numbers: Sequence[int]) -> list[_Row]:
        import torch

        by_example: dict[int, list[int]] = {}
        for number in numbers:
            key = self._records.example_of[number] if self.packed else number
            by_example.setdefault(key, []).append(number)
        rows = []
        for some in by_example.values():
            found = [self.record(number) for number in some]
            if self.packed and _same_pictures(found):
                rows.append(_packed(found, some))
                continue
            for number, (inputs, labels) in zip(some, found, strict=True):
                if self.packed:
                    rows.append(_packed([(inputs, labels)], [number]))
                else:
                    rows.append(_Row(inputs, labels, torch.zeros_like(labels), [number]))
        return rows

    def _stacked(self, rows: Sequence[_Row]) -> Batch:
        import torch

        longest = rows[-1].labels.shape[1]
        inputs = {
            key: torch.cat(
                [
                    self._padded(key, row.inputs[key], longest)
                    if _is_text(row.inputs[key], row.labels)
                    else row.inputs[key]
                    for row in rows
                ]
            )
            for key in rows[0].inputs
        }
        labels = torch.cat([_filled(row.labels, longest, -100) for row in rows])
        owners: list[Any] = []
        numbers: list[int] = []
        for row in rows:
            owners.append(_filled(row.owners, longest, 0) + len(numbers))
            numbers += row.numbers
        if self.packed:
            inputs["attention_mask"] = _seen(inputs.pop("blocks"))
        return Batch(inputs, labels, torch.cat(owners), numbers)

    def _padded(self, key: str, value: Any, length: int) -> Any:
        fill = 0
        if key == "input_ids":
            pad = self._chat.tokenizer.pad_token_id
            fill = self._chat.tokenizer.eos_token_id if pad is None else pad
        elif key == "token_type_ids":
            fill = int(value[0, -1])
        elif key == "blocks":
            fill = -1
        return _filled(value, length, fill)

    def longest_target(self, kind: str) -> int:
        """Tokens of the longest target of a kind, its end included; 0 if there is none."""
        numbers = [n for n, found in enumerate(self._records.kinds) if found == kind]
        targets = {self._records.texts(n)[1] for n in numbers}
        return max((len(self._chat.written(target)) for target in targets), default=0)


def can_pack(
    model: Any,
    losses: Callable[[Batch], Any],
    batches: Batches,
    examples: Sequence[Sequence[int]],
) -> bool:
    """Whether a student reads packed records as it reads them alone, tried on one example.

    Models whose language part takes a mask and positions as they are given do (Idefics3, SmolVLM,
    Llava, Aya Vision). Not tried are those that read their prompt both ways (PaliGemma: token
    types) and those that make positions of their own (Qwen-VL): one of small weights would pass.

    Args:
        model: Of the student.
        losses: Of the records of a batch, of the student as it is, in single precision: half
            precision rounds by more than the readings may differ.
        batches: With its records.
        examples: Numbers of the records of each.
    """
    import torch

    numbers = next((list(some) for some in examples if len(some) > 1), None)
    makes_positions = any(hasattr(m, "get_rope_index") for m in model.modules())
    if numbers is None or makes_positions:
        return False
    with quiet():
        inputs, _ = batches.record(numbers[0])
    if "token_type_ids" in inputs:
        return False
    found: list[dict[int, float]] = []
    before = batches.packed
    try:
        for packed in (False, True):
            batches.packed = packed
            with torch.no_grad(), quiet():
                nll: dict[int, float] = {}
                for batch in batches.stack(numbers, len(numbers)):
                    values = losses(batch).tolist()
                    nll.update(zip(batch.numbers, values, strict=True))
            found.append(nll)
    except Exception:  # whatever a model raises on a mask that it does not know
        return False
    finally:
        batches.packed = before
    alone, together = found
    return all(abs(alone[n] - together[n]) <= 1e-4 * max(1.0, alone[n]) for n in numbers)


def _same_pictures(found: Sequence[tuple[dict[str, Any], Any]]) -> bool:
    """Whether records have the same tensors but for their texts."""
    import torch

    first, labels = found[0]
    for inputs, other in found[1:]:
        if inputs.keys() != first.keys():
            return False
        for key, value in first.items():
            text = _is_text(value, labels)
            if text != _is_text(inputs[key], other):
                return False
            if not text and not torch.equal(value, inputs[key]):
                return False
    return True


def _packed(found: Sequence[tuple[dict[str, Any], Any]], numbers: list[int]) -> _Row:
    """Records of one example as one row: what they have in common, then the rest of each."""
    import torch

    first = found[0][0]
    # The last token in common must not be one that predicts a target.
    shared = min(int((labels != -100).int().argmax()) for _, labels in found)
    for inputs, _ in found[1:]:
        width = min(shared, inputs["input_ids"].shape[1], first["input_ids"].shape[1])
        same = first["input_ids"][0, :width] == inputs["input_ids"][0, :width]
        shared = width if bool(same.all()) else int((~same).int().argmax())
    grown: dict[str, Any] = {}
    for key, value in first.items():
        if not _is_text(value, found[0][1]):
            grown[key] = value
        elif key != "attention_mask":
            rests = [inputs[key][:, shared:] for inputs, _ in found]
            grown[key] = torch.cat([value[:, :shared], *rests], 1)
    rests = [labels[:, shared:] for _, labels in found]
    none = torch.full((1, shared), -100)
    owners = [torch.full_like(rest, n) for n, rest in enumerate(rests)]
    begin = torch.zeros(1, shared, dtype=torch.long)
    places = [torch.arange(shared, shared + rest.shape[1])[None] for rest in rests]
    grown["position_ids"] = torch.cat([torch.arange(shared)[None], *places], 1)
    grown["blocks"] = torch.cat([begin, *(owner + 1 for owner in owners)], 1)
    return _Row(
        grown, torch.cat([none, *rests], 1), torch.cat([begin, *owners], 1), numbers
    )  # fmt: skip


def _seen(blocks: Any) -> Any:
    """Which tokens each token sees, [rows, 1, length, length]: earlier ones of its own block or of
    the beginning (block 0); padding (-1) sees itself alone."""
    import torch

    length = blocks.shape[1]
    mine, theirs = blocks[:, :, None], blocks[:, None, :]
    seen = ((theirs == mine) | (theirs == 0)) & (mine >= 0) & (theirs >= 0)
    seen &= torch.ones(length, length, dtype=torch.bool).tril()
    return (seen | torch.eye(length, dtype=torch.bool))[:, None]


def _is_text(value: Any, labels: Any) -> bool:
    """Whether a tensor has an entry for every token."""
    return bool(value.shape == labels.shape and not value.is_floating_point())


def _filled(value: Any, length: int, fill: int) -> Any:
    from torch.nn import functional

    return functional.pad(value, (0, length - value.shape[1]), value=fill)
