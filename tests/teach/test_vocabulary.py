"""New words of students: they are told apart, and what was known is answered as before."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from taught import make_checkpoint, pictures, rows

from vprog.errors import InputError
from vprog.tools.backends.hf.binding import open_backend, settings_class
from vprog.trace import Call

__all__ = ["make_checkpoint"]

NEW = ["square", "triangle"]


def answers(model: str, tool: str, *extra: str) -> list[Any]:
    settings = settings_class(tool, "test")(model=model)
    if tool == "detect":
        settings = type(settings)(model=model, threshold=0.0)  # type: ignore[call-arg]
    backend: Any = open_backend(tool, settings, "test")
    backend.prepare()
    shown = pictures()
    calls = []
    for row in rows(tool, 4):
        if tool == "detect":
            calls += [
                Call(tool, {"image": row.region, "phrase": p}) for p in (str(row.argument), *extra)
            ]
        else:
            calls.append(Call(tool, {"image": row.region, "options": [*row.argument, *extra]}))
    return [getattr(answer, "value", answer) for answer in backend.answer(calls, shown)]


def test_a_student_gets_the_words_that_it_will_be_taught(
    checkpoint: Callable[[str], str], tmp_path: Path
) -> None:
    from vprog.teach.vocabulary import as_wide, knowing, unknown_words

    def student(name: str, tool: str = "detect", **more: Any) -> Any:
        return settings_class(tool, "test")(model=checkpoint(name), **more)

    out = tmp_path / "grown"
    plain = student("owlvit")
    assert knowing("detect", plain, ["red", "dog"], out) == plain
    grown = knowing("detect", plain, ["red Square", "dog", "triangle"], out)
    assert grown.model == str(out)
    assert unknown_words(out, NEW) == []
    assert answers(grown.model, "detect") == answers(plain.model, "detect")
    again = (out / "model.safetensors").read_bytes()
    assert knowing("detect", plain, {"triangle", "square"}, out) == grown
    assert (out / "model.safetensors").read_bytes() == again
    # The student before gets the same words under the same numbers.
    wider = knowing("detect", grown, ["a circle"], tmp_path / "wider")
    before = as_wide(plain, wider, tmp_path / "before")
    vocabularies = [
        json.loads((Path(one.model) / "tokenizer.json").read_text())["model"]["vocab"]
        for one in (before, wider)
    ]
    assert vocabularies[0] == vocabularies[1]
    assert answers(before.model, "detect") == answers(plain.model, "detect")
    assert as_wide(plain, plain, tmp_path / "none") == plain
    # Words cannot be added to these.
    for other in (student("vilt", "vqa"), student("owlvit", adapters=("a",))):
        assert knowing("vqa", other, NEW, tmp_path / "other") == other
    assert not (tmp_path / "other").exists()


@pytest.mark.parametrize(("name", "tool"), [("owlvit", "detect"), ("clip", "match")])
def test_known_words_mean_what_they_meant_and_new_ones_differ(
    name: str, tool: str, checkpoint: Callable[[str], str], tmp_path: Path
) -> None:
    from vprog.teach.vocabulary import add_words, unknown_words

    model = Path(checkpoint(name))
    assert unknown_words(model, ["red Square", "a blue triangle", "dog"]) == NEW
    grown = add_words(model, [*NEW, "red"], tmp_path / "grown")
    assert unknown_words(grown, ["red Square", "a blue triangle", "dog"]) == []
    config = json.loads((grown / "config.json").read_text())["text_config"]
    before = json.loads((model / "config.json").read_text())["text_config"]
    assert config["vocab_size"] == before["vocab_size"] + 2
    assert answers(str(grown), tool) == answers(str(model), tool)
    told = answers(str(grown), tool, *NEW)
    if tool == "match":
        square, triangle = told[0][-2:]
    else:
        square, triangle = told[1], told[2]
        assert [b.score for b in square] != [b.score for b in triangle]
    assert square != triangle


def test_models_that_read_pieces_of_words_need_none(tmp_path: Path) -> None:
    from vprog.teach.vocabulary import add_words, unknown_words

    said = {"model": {"type": "BPE", "vocab": {}}}
    (tmp_path / "tokenizer.json").write_text(json.dumps(said))
    assert unknown_words(tmp_path, ["square"]) == []
    with pytest.raises(InputError, match="reads pieces of words"):
        add_words(tmp_path, ["square"], tmp_path / "out")
    with pytest.raises(InputError, match="cannot read the tokenizer"):
        unknown_words(tmp_path / "none", ["square"])
