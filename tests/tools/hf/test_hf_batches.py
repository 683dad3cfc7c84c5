"""Batches of a model: chunks, what is prepared ahead of them, memory that runs out."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from typing import Any

import pytest

from vprog.errors import PictureError, ToolError
from vprog.tools.backends.hf.detect import Detect, DetectSettings


@pytest.fixture
def backend(checkpoint) -> Any:
    """A backend that takes four items at once."""
    return Detect(DetectSettings(model=str(checkpoint("owlvit")), batch_size=4))


def test_results_come_in_the_order_of_items_whatever_their_key(backend) -> None:
    chunks = []

    def forward(chunk: Sequence[int]) -> list[int]:
        chunks.append(list(chunk))
        return [-item for item in chunk]

    items = [5, 2, 9, 4, 7, 6, 1, 3, 11]
    assert backend.in_batches(items, forward, key=lambda item: item % 2) == [-i for i in items]
    assert chunks == [[5, 9, 7, 1], [3, 11], [2, 4, 6]]
    assert backend.in_batches([], forward) == []


def test_the_next_chunk_is_prepared_while_the_model_runs(backend) -> None:
    prepared = {0: threading.Event(), 4: threading.Event(), 8: threading.Event()}

    def prepare(chunk: Sequence[int]) -> list[int]:
        prepared[chunk[0]].set()
        return [10 * item for item in chunk]

    def forward(inputs: list[int]) -> list[int]:
        following = inputs[0] // 10 + 4
        assert following not in prepared or prepared[following].wait(60)
        assert following + 4 not in prepared or not prepared[following + 4].is_set()
        return [item + 1 for item in inputs]

    found = backend.in_batches(range(9), forward, prepare=prepare)
    assert found == [10 * item + 1 for item in range(9)]


@pytest.mark.parametrize("where", ["prepare", "forward"])
def test_where_memory_runs_out_halves_are_prepared_anew(backend, where) -> None:
    sizes = []

    def step(name: str, chunk: Sequence[int]) -> list[int]:
        if name == "forward":
            sizes.append(len(chunk))
        if name == where and len(chunk) > 2:
            raise MemoryError
        return list(chunk)

    found = backend.in_batches(
        range(11),
        lambda chunk: step("forward", chunk),
        prepare=lambda chunk: step("prepare", chunk),
        key=lambda item: item < 4,
    )
    assert found == list(range(11))
    assert max(sizes[where == "forward" :]) == 2


def test_one_picture_that_does_not_fit_is_said(backend) -> None:
    def forward(chunk: Sequence[int]) -> list[int]:
        if 2 in chunk:
            raise MemoryError
        return list(chunk)

    with pytest.raises(ToolError, match="ran out of memory on one picture"):
        backend.in_batches(range(3), forward, prepare=list)


@pytest.mark.parametrize("first", [0, 4])
def test_a_picture_that_cannot_be_read_ends_it_with_its_own_error(backend, first) -> None:
    def prepare(chunk: Sequence[int]) -> Sequence[int]:
        if chunk[0] == first:
            raise PictureError("broken")
        return chunk

    with pytest.raises(PictureError, match="broken"):
        backend.in_batches(range(9), list, prepare=prepare)
