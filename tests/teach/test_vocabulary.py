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
        elif tool == "vqa":
            questions = (str(row.argument), *(f"is it a {word} ?" for word in extra))
            calls += [Call(tool, {"image": row.region, "question": q}) for q in questions]
        else:
            calls.append(Call(tool, {"image": row.region, "options": [*row.argument, *extra]}))
    found = backend.answer(calls, shown)
    return [one.info if tool == "vqa" else getattr(one, "value", one) for one in found]


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
    for other in (student("siglip", "match"), student("owlvit", adapters=("a",))):
        assert knowing("match", other, NEW, tmp_path / "other") == other
    assert not (tmp_path / "other").exists()


@pytest.mark.parametrize(
    ("name", "tool"), [("owlvit", "detect"), ("clip", "match"), ("vilt", "vqa")]
)
def test_known_words_mean_what_they_meant_and_new_ones_differ(
    name: str, tool: str, checkpoint: Callable[[str], str], tmp_path: Path
) -> None:
    from vprog.teach.vocabulary import add_words, unknown_words

    model = Path(checkpoint(name))
    assert unknown_words(model, ["red Square", "a blue triangle", "dog"]) == NEW
    grown = add_words(model, [*NEW, "red"], tmp_path / "grown")
    assert unknown_words(grown, ["red Square", "a blue triangle", "dog"]) == []
    now, before = (json.loads((f / "config.json").read_text()) for f in (grown, model))
    sizes = [config.get("text_config", config)["vocab_size"] for config in (now, before)]
    assert sizes[0] == sizes[1] + 2
    assert answers(str(grown), tool) == answers(str(model), tool)
    told = answers(str(grown), tool, *NEW)
    if tool == "match":
        square, triangle = told[0][-2:]
    else:
        square, triangle = told[1], told[2]
        if tool == "detect":
            assert [b.score for b in square] != [b.score for b in triangle]
    assert square != triangle


def test_models_that_read_pieces_of_words_need_none(tmp_path: Path) -> None:
    from vprog.teach.vocabulary import add_words, unknown_words

    said = {"model": {"type": "BPE", "vocab": {}}}
    (tmp_path / "tokenizer.json").write_text(json.dumps(said))
    assert unknown_words(tmp_path, ["square"]) == []
    with pytest.raises(InputError, match="reads pieces of words"):
        add_words(tmp_path, ["square"], tmp_path / "out")
    (tmp_path / "tokenizer.json").unlink()
    for names in (("vocab.json", "merges.txt"), ("vocab.txt",)):  # as older checkpoints come
        for name in names:
            (tmp_path / name).write_text("{}")
        assert unknown_words(tmp_path, ["square"]) == []
        for name in names:
            (tmp_path / name).unlink()
    with pytest.raises(InputError, match="cannot read the tokenizer"):
        unknown_words(tmp_path, ["square"])
    with pytest.raises(InputError, match="cannot read the tokenizer"):
        unknown_words(tmp_path / "none", ["square"])
