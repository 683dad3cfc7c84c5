"""Rows of the official files of benchmarks of photographs, from drawn questions."""

from __future__ import annotations

import base64
import csv
import io
import json
import random
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from vprog.world.vocabulary import KINDS, TAXONOMY, plural

Drawing = Literal["gqa", "tally", "pope"]


@dataclass(frozen=True, slots=True)
class Question:
    """A drawn question.

    Attributes:
        picture: Id of its picture, digits alone.
        text: As asked.
        answer: In normal form.
        kind: GQA's structural type, "" for other tasks.
        semantic: See ``world.statements`` and GQA.
    """

    picture: str
    text: str
    answer: str
    kind: str
    semantic: Any


@dataclass(slots=True)
class Drawn:
    """What was drawn, and what of it became official.

    Attributes:
        images: Folder of ``<id>.png``.
        graphs: Scene graphs by picture id.
        questions: In their order.
        rng: Source of chance.
        used: Scene graphs by the official name of the picture, without its ending.
    """

    images: Path
    graphs: Mapping[str, Any]
    questions: Sequence[Question]
    rng: random.Random
    used: dict[str, Any] = field(default_factory=dict)

    def save_jpeg(self, picture: str, path: Path) -> None:
        """Saves a picture under its official name; once."""
        if path.stem not in self.used:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(self.jpeg(picture, path.stem))

    def jpeg(self, picture: str, name: str) -> bytes:
        """A picture as JPEG; its scene is then known under ``name``."""
        from PIL import Image

        self.used[name] = self.graphs[picture]
        file = io.BytesIO()
        with Image.open(self.images / f"{picture}.png") as image:
            image.save(file, "JPEG", quality=95, subsampling=0)
        return file.getvalue()

    def open_questions(self, n: int) -> list[Question]:
        """The first questions that are not answered by yes or no."""
        return [q for q in self.questions if q.answer not in ("yes", "no")][:n]

    def people(self, answer: str, most: int = 10) -> list[str]:
        """Ten answers: most of them the right one, some of other people's."""
        others = sorted({q.answer for q in self.questions} - {answer})
        right = self.rng.choice((10, 10, 9, 8, 6))
        wrong = [self.rng.choice(others) for _ in range(10 - right)] if others else []
        given = [answer] * (10 - len(wrong)) + wrong
        self.rng.shuffle(given)
        return given[:most]

    def choices(self, answer: str) -> list[str]:
        """Four answers, one of them right."""
        others = sorted({q.answer for q in self.open_questions(len(self.questions))} - {answer})
        offered = [answer, *self.rng.sample(others, min(3, len(others)))]
        self.rng.shuffle(offered)
        return offered


def _save(path: Path, content: Any) -> None:
    path.write_text(json.dumps(content, separators=(",", ":")) + "\n", encoding="utf-8")


def _save_lines(path: Path, rows: Iterable[Any]) -> None:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")


def _save_table(path: Path, rows: Sequence[Sequence[Any]], delimiter: str = ",") -> None:
    with path.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file, delimiter=delimiter, lineterminator="\n").writerows(rows)


def _vqa(prefix: str) -> Callable[[Drawn, str, Path, int], dict[str, Any]]:
    """The writer of VQAv2 (``prefix`` "v2_") and OK-VQA ("")."""

    def write(drawn: Drawn, split: str, folder: Path, n: int) -> dict[str, Any]:
        questions, annotations = [], []
        year = {"test": "test2015"}.get(split, f"{split}2014")
        for number, question in enumerate(drawn.questions[:n], 1):
            image = int(question.picture)
            drawn.save_jpeg(question.picture, folder / year / f"COCO_{year}_{image:012d}.jpg")
            ids = {"image_id": image, "question_id": image * 100 + number % 100}
            asked = {"question": question.text, "semantic": question.semantic}
            questions.append({**ids, **asked})
            annotations.append({**ids, **_annotation(drawn, question, prefix)})
        head = {"info": {}, "license": {}, "data_type": "mscoco", "data_subtype": year}
        name = f"{prefix}OpenEnded_mscoco_{year}_questions.json"
        _save(folder / name, {**head, "task_type": "Open-Ended", "questions": questions})
        if split != "test":
            kinds = {} if prefix else {"question_types": {"one": "Objects", "two": "Attributes"}}
            content = {**head, **kinds, "annotations": annotations}
            _save(folder / f"{prefix}mscoco_{year}_annotations.json", content)
        return drawn.used

    return write


def _annotation(drawn: Drawn, question: Question, prefix: str) -> dict[str, Any]:
    people = drawn.people(question.answer)
    answers = [
        {"answer": answer, "answer_confidence": "yes", "answer_id": number}
        for number, answer in enumerate(people, 1)
    ]
    binary = question.answer in ("yes", "no")
    if not prefix:
        answers = [{**row, "raw_answer": row["answer"]} for row in answers]
        return {"answers": answers, "question_type": "one" if binary else "two",
                "answer_type": "other"}  # fmt: skip
    first_words = " ".join(question.text.lower().split()[:2])
    return {
        "answers": answers,
        "answer_type": "yes/no" if binary else "other",
        "question_type": first_words,
        "multiple_choice_answer": question.answer,
    }


def _aokvqa(drawn: Drawn, split: str, folder: Path, n: int) -> dict[str, Any]:
    rows = []
    for number, question in enumerate(drawn.open_questions(n)):
        image = int(question.picture)
        drawn.save_jpeg(question.picture, folder / f"{split}2017" / f"{image:012d}.jpg")
        offered = drawn.choices(question.answer)
        row = {
            "split": split,
            "image_id": image,
            "question_id": f"{split}{number:05d}",
            "question": question.text,
            "choices": offered,
            "difficult_direct_answer": number % 8 == 7,
            "semantic": question.semantic,
        }
        if split != "test":
            row["correct_choice_idx"] = offered.index(question.answer)
            row["direct_answers"] = drawn.people(question.answer)
            row["rationales"] = [f"It is {question.answer}."] * 3
        rows.append(row)
    _save(folder / f"aokvqa_v1p0_{split}.json", rows)
    return drawn.used


def _mmbench(drawn: Drawn, split: str, folder: Path, n: int) -> dict[str, Any]:
    head = ["index", "question", "hint", "A", "B", "C", "D", "answer", "category", "l2-category",
            "image", "semantic"]  # fmt: skip
    rows: list[list[Any]] = [head]
    for number, question in enumerate(drawn.open_questions(n)):
        image = drawn.jpeg(question.picture, str(number))
        offered = drawn.choices(question.answer)
        hint = 'Look at the "things" in the picture.' if number % 3 == 0 else ""
        cells = [*offered, *[""] * (4 - len(offered))]
        letter = "ABCD"[offered.index(question.answer)] if split.startswith("dev") else ""
        rows.append(
            [number, question.text, hint, *cells, letter, f"structure_{question.kind}", "drawn",
             base64.b64encode(image).decode(), json.dumps(question.semantic)]
        )  # fmt: skip
    _save_table(folder / f"MMBench_{split.upper()}.tsv", rows, "\t")
    return drawn.used


def _hateful_memes(drawn: Drawn, split: str, folder: Path, n: int) -> dict[str, Any]:
    """A meme is hateful here if it shows what its text has no place for: both must be read."""
    rows: list[dict[str, Any]] = []
    for question in drawn.questions[:n]:
        drawn.save_jpeg(question.picture, folder / "img" / f"{question.picture}.jpg")
        kind = question.semantic[1][1]["phrase"]
        rows.append(
            {
                "id": int(question.picture) * 100 + len(rows) % 100,
                "img": f"img/{question.picture}.jpg",
                "label": int(question.answer == "yes"),
                "text": f"no place for {plural(kind)}",
                "semantic": question.semantic,
            }
        )
    _save_lines(folder / f"{split}.jsonl", rows)
    return drawn.used


def _openimages(drawn: Drawn, split: str, folder: Path, n: int) -> dict[str, Any]:
    """Kinds are the classes, categories those above; what is absent was looked for."""
    ids = {name: f"/m/{name}" for group, kinds in TAXONOMY.items() for name in (group, *kinds)}
    head = ["ImageID", "Source", "LabelName", "Confidence"]
    flags = ["IsOccluded", "IsTruncated", "IsGroupOf", "IsDepiction", "IsInside"]
    boxes: list[list[Any]] = [[*head, "XMin", "XMax", "YMin", "YMax", *flags]]
    labels: list[list[Any]] = [head]
    for picture in list(dict.fromkeys(q.picture for q in drawn.questions))[:n]:
        name = f"{int(picture):016x}"
        drawn.save_jpeg(picture, folder / split / f"{name}.jpg")
        graph = drawn.graphs[picture]
        kinds = {thing["name"] for thing in graph["objects"].values()}
        for thing in graph["objects"].values():
            x, y = thing["x"] / graph["width"], thing["y"] / graph["height"]
            edges = [x, x + thing["w"] / graph["width"], y, y + thing["h"] / graph["height"]]
            edges = [round(edge, 6) for edge in edges]
            boxes.append([name, "xclick", ids[thing["name"]], 1, *edges, 0, 0, 0, 0, 0])
        labels.extend([name, "verification", ids[kind], int(kind in kinds)] for kind in KINDS)
    _save_table(folder / f"{split}-annotations-bbox.csv", boxes)
    _save_table(folder / f"{split}-annotations-human-imagelabels-boxable.csv", labels)
    names = [["LabelName", "DisplayName"], *([id, name.capitalize()] for name, id in ids.items())]
    _save_table(folder / "oidv7-class-descriptions-boxable.csv", names)
    tree = [
        {"LabelName": ids[group], "Subcategory": [{"LabelName": ids[kind]} for kind in kinds]}
        for group, kinds in TAXONOMY.items()
    ]
    _save(folder / "bbox_labels_600_hierarchy.json", {"LabelName": "/m/0bl9f", "Subcategory": tree})
    return drawn.used


def _own(drawn: Drawn, split: str, folder: Path, n: int) -> dict[str, Any]:
    rows = []
    for number, question in enumerate(drawn.questions[:n]):
        drawn.save_jpeg(question.picture, folder / "images" / f"{question.picture}.jpg")
        rows.append(
            {
                "id": f"{split}-{number}",
                "image": f"images/{question.picture}.jpg",
                "question": question.text,
                "answer": question.answer,
                "type": question.kind,
                "semantic": question.semantic,
            }
        )
    _save_lines(folder / f"{split}.jsonl", rows)
    return drawn.used


@dataclass(frozen=True, slots=True)
class Format:
    """How a benchmark's files are written.

    Attributes:
        drawn: Task of ``world.write`` whose questions it takes.
        splits: The world's split -> the benchmark's.
        write: Writes at most that many questions of a split and returns the scene graphs used.
    """

    drawn: Drawing
    splits: Mapping[str, str]
    write: Callable[[Drawn, str, Path, int], dict[str, Any]]


_PLAIN = {"train": "train", "val": "val", "test": "test"}
FORMATS: dict[str, Format] = {
    "vqav2": Format("gqa", _PLAIN, _vqa("v2_")),
    "okvqa": Format("gqa", {"train": "train", "val": "val"}, _vqa("")),
    "aokvqa": Format("gqa", _PLAIN, _aokvqa),
    "mmbench": Format("gqa", {"val": "dev_en", "test": "test_en"}, _mmbench),
    "hateful-memes": Format(
        "pope", {"train": "train", "val": "dev_seen", "test": "test_seen"}, _hateful_memes
    ),
    "openimages": Format(
        "tally", {"train": "train", "val": "validation", "test": "test"}, _openimages
    ),
    "own": Format("gqa", _PLAIN, _own),
}
"""Task -> how its files are written."""
