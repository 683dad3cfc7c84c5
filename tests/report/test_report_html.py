import base64
import hashlib
import io
import os
import re
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from report_examples import (
    HOSTILE,
    desk,
    failed_item,
    hostile_item,
    right_item,
    tiny,
    unlabelled_item,
    wrong_item,
)

from vprog.errors import InputError
from vprog.example import Example, Picture, Region
from vprog.report.album import Album, data_uri
from vprog.report.gallery import hang
from vprog.report.html import render_report, write_report
from vprog.report.item import ReportItem
from vprog.report.listing import render_program, split_lines
from vprog.report.overview import Totals, render_overview
from vprog.report.steps import render_step, render_steps
from vprog.trace import Step, Trace

GOLDEN = Path(__file__).parent / "golden"
VOID = {"meta", "link", "img", "input", "br"}


def all_items() -> list[ReportItem]:
    return [right_item(), wrong_item(), failed_item(), unlabelled_item()]


def assert_golden(name: str, text: str) -> None:
    """Compares with a stored file; ``VPROG_UPDATE_GOLDEN=1`` writes it instead."""
    path = GOLDEN / name
    if os.environ.get("VPROG_UPDATE_GOLDEN"):
        path.write_text(text, encoding="utf-8")
    assert text == path.read_text(encoding="utf-8")


class Elements(HTMLParser):
    """Collects elements and checks that they nest."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.texts: dict[str, str] = {}
        self.open: list[str] = []
        self.feed(page)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if self.open:
            self.texts[self.open[-1]] = self.texts.get(self.open[-1], "") + data

    def named(self, tag: str) -> list[dict[str, str | None]]:
        return [attrs for name, attrs in self.found if name == tag]


def test_golden_fragments() -> None:
    item = right_item()
    gallery = hang(item, Album())
    rows = "".join(render_step(s, gallery, i) for i, s in enumerate(item.trace.steps, 1))
    assert_golden("steps.html", rows)
    assert_golden("program.html", render_program(failed_item().trace.program, 2) + "\n")
    totals = Totals()
    for each in all_items():
        totals.add(each)
    summary = {
        "toolbox": "oracle",
        "accuracy": {"value": 0.5, "ci95": [0.25, 0.75]},
        "seeds": [0, 1],
    }
    assert_golden("overview.html", render_overview("world-gqa", totals, summary))


def test_the_policy_allows_the_pages_own_style_and_script_alone() -> None:
    page = Elements(render_report("t", all_items(), {}))
    metas = page.named("meta")
    policy = next(m["content"] for m in metas if m.get("http-equiv") == "Content-Security-Policy")
    assert policy is not None
    for tag in ("style", "script"):
        assert len(page.named(tag)) == 1
        assert page.named(tag)[0] == {}
        digest = hashlib.sha256(page.texts[tag].encode()).digest()
        assert f"{tag}-src 'sha256-{base64.b64encode(digest).decode()}'" in policy
    assert "default-src 'none'; img-src data:;" in policy
    assert "unsafe" not in policy
    assert not any("style" in attrs for _, attrs in page.found)


def test_nothing_in_the_page_points_outside_it() -> None:
    page = Elements(render_report("t", [*all_items(), hostile_item()], {"url": "http://x/"}))
    for tag, attrs in page.found:
        assert "src" not in attrs
        address = attrs.get("href")
        assert address is None or address.startswith(("#", "data:")), (tag, address)
    assert "url(" not in page.texts["style"]
    assert "@import" not in page.texts["style"]


def test_hostile_text_adds_no_element_and_no_attribute() -> None:
    plain = Elements(render_report("t", [*all_items(), unlabelled_item()], {"k": "v"}))
    hostile = Elements(render_report(HOSTILE, [*all_items(), hostile_item()], {HOSTILE: HOSTILE}))
    assert {t for t, _ in hostile.found} <= {t for t, _ in plain.found}
    attributes = {a for _, attrs in hostile.found for a in attrs}
    assert attributes <= {a for _, attrs in plain.found for a in attrs}
    assert not any(a.startswith("on") for a in attributes)


def test_hostile_text_is_all_there_as_text() -> None:
    page = render_report("t", [hostile_item()], {})
    assert not re.search("[\x00\x1b\u2028\u202e]", page)
    text = Elements(page).texts
    assert "<script>window.ran=1</script>" in text["h2"]
    assert "\\x1b[31m" in text["h2"]
    page.encode("utf-8")


def test_broken_numbers_stay_out_of_drawings() -> None:
    page = Elements(render_report("t", [hostile_item()], {}))
    for tag, attrs in page.found:
        if tag in ("rect", "svg", "use", "text"):
            for name in ("x", "y", "width", "height", "viewbox", "transform"):
                assert not re.search('nan|inf|--|="-', attrs.get(name) or ""), attrs
                if name in ("width", "height"):
                    assert not (attrs.get(name) or "").startswith("-")


def test_boxes_are_drawn_in_the_pictures_pixels_at_its_scale() -> None:
    page = Elements(render_report("t", [right_item()], {}))
    figure = next(a for a in page.named("svg") if (a.get("class") or "").startswith("figure"))
    scale = float(figure["width"] or 0) / 320
    edges = [a for a in page.named("rect") if a.get("class") == "edge"]
    boxes = [[float(a[k] or 0) / scale for k in ("x", "y", "width", "height")] for a in edges]
    assert boxes == [
        pytest.approx([65, 0, 255, 200], abs=0.1),  # the largest first, so that none hides another
        pytest.approx([150, 60, 100, 80], abs=0.1),
        pytest.approx([40, 70, 50, 60], abs=0.1),
    ]
    steps = [a["data-steps"] for a in page.named("g") if "data-steps" in a]
    assert steps == ["2 3 5", "3 4", "1 2"]


def test_equal_pictures_are_embedded_once() -> None:
    items = [right_item(f"x{i}") for i in range(20)]
    page = Elements(render_report("t", items, {}))
    assert len(page.named("image")) == 1
    assert len(page.named("article")) == 20


def test_drawn_pictures_stay_exact_and_photographs_become_small() -> None:
    def decoded(uri: str) -> Image.Image:
        return Image.open(io.BytesIO(base64.b64decode(uri.partition(",")[2])))

    drawn = tiny().load()
    assert data_uri(drawn).startswith("data:image/png;")
    assert np.array_equal(np.asarray(decoded(data_uri(drawn)).convert("RGB")), np.asarray(drawn))
    noise = np.random.default_rng(0).integers(0, 255, (900, 1200, 3), dtype=np.uint8)
    photo = Image.fromarray(noise).resize((1200, 900))
    assert data_uri(photo).startswith("data:image/jpeg;")
    assert decoded(data_uri(photo)).size == (480, 360)


def test_an_unreadable_picture_is_a_placeholder_with_its_message(tmp_path: Path) -> None:
    page = render_report("t", [unlabelled_item()], {})
    assert "no picture: cannot read picture /nowhere/gone.png: no such file" in page
    truncated = tmp_path / "cut.png"
    buffer = io.BytesIO()
    desk().load().save(buffer, "PNG")
    truncated.write_bytes(buffer.getvalue()[:300])
    example = Example(id="x", pictures=(Picture("cut", path=truncated),), question="q")
    page = render_report("t", [ReportItem(example, Trace("x", 0, "steps", ""), "unlabelled")], {})
    assert "no picture: broken picture" in page


def test_regions_of_unknown_pictures_show_their_coordinates() -> None:
    page = render_report("t", [unlabelled_item()], {})
    assert '<span>edit-2</span><span class="dim">(1, 2, 3, 4.5)</span>' in page
    assert "<span>edit-1</span></span>" in page  # this one was handed over, and is drawn


def test_all_are_counted_and_the_first_are_shown() -> None:
    page = render_report("t", (right_item(f"x{i}") for i in range(1030)), {}, limit=3)
    assert len(Elements(page).named("article")) == 3
    assert "The first 3 of 1,030 programs are shown." in page
    assert '<p class="total">1,030</p>' in page


def test_calls_come_from_the_run_where_it_counted_them() -> None:
    totals = Totals()
    totals.add(right_item())
    assert (totals.sources["computed"], totals.sources["shared"]) == (2, 1)
    counted = {"requested": 5000, "computed": 4000, "shared": 900, "remembered": 100}
    page = render_overview("t", totals, {"calls": counted})
    assert '<p class="total">5,000</p>' in page
    assert "80.0 %" in page


def test_an_empty_run_is_a_page_too() -> None:
    page = render_report("t", [], {})
    assert "This run has no examples." in page
    Elements(page)


def test_long_traces_fold_and_many_regions_are_listed() -> None:
    item = right_item()
    many = [Region("desk", i, 0, i + 5, 5, "dot", 0.5) for i in range(300)]
    steps = [Step("find", "detect", {"phrase": "dot"}, many, "", 1, "computed")] * 40
    item = replace(item, trace=Trace("x", 0, "python", "pass", steps, 3))
    gallery = hang(item, Album())
    page = render_steps(item.trace, gallery)
    assert page.count("<li") == 40
    assert "28 more steps" in page
    assert "294 more</summary>" in page
    assert "150 of 300 boxes are drawn" in render_report("t", [item], {})


def test_program_lines_count_as_their_parser_counts_them() -> None:
    assert split_lines("a\r\nb\rc\u2028d\n\n") == ["a", "b", "c\u2028d"]
    assert '<span data-line="2" class="failed">' in render_program("A=1\r\nB=2", 2)
    assert "failed" not in render_program("A=1\nB=2")


def test_the_file_is_replaced_whole(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "report.html"
    assert write_report(path, "one", [right_item()]) == path
    write_report(path, "two", [right_item()], {"seed": 0})
    assert "<title>two</title>" in path.read_text("utf-8")
    assert [p.name for p in path.parent.iterdir()] == ["report.html"]
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match="cannot write report"):
        write_report(tmp_path / "file" / "r.html", "t", [])


def test_an_unknown_verdict_is_refused() -> None:
    item = right_item()
    with pytest.raises(InputError, match="unknown verdict 'fine'"):
        ReportItem(item.example, item.trace, "fine")  # type: ignore[arg-type]


def test_two_hundred_small_pictures_stay_small() -> None:
    def items() -> list[ReportItem]:
        rng = np.random.default_rng(0)
        item = right_item()
        return [
            replace(
                item,
                example=replace(
                    item.example,
                    pictures=(
                        Picture(
                            "desk", array_rgb=rng.integers(0, 255, (30, 30, 3), dtype=np.uint8)
                        ),
                    ),
                ),
            )
            for _ in range(200)
        ]

    assert len(render_report("t", items(), {}).encode()) < 3_000_000


def test_what_a_backend_says_of_each_region_stands_beside_it() -> None:
    item = right_item()
    step = replace(
        item.trace.steps[0],
        value=[Region("desk", 1, 1, 9, 9, "cup"), Region("desk", 20, 1, 29, 9, "cup")],
        info={"colours": ["red", "blue"], "n": [1, 2, 3], "model": "x"},
    )
    row = render_step(step, hang(item, Album()), 1)
    assert '<span>cup</span><span class="dim">red</span>' in row
    assert '<span>cup</span><span class="dim">blue</span>' in row
    assert "colours" not in row
    assert '<span class="key">n</span> <span class="plain">[1, 2, 3]</span>' in row


def test_without_pictures_a_card_has_one_column() -> None:
    item = right_item()
    page = render_report("t", [replace(item, example=replace(item.example, pictures=()))], {})
    assert '<article id="e1" class="bare"' in page
    assert "(40, 70, 90, 130)" in page
    assert "<figure>" not in page


def test_a_whole_picture_that_was_found_as_something_keeps_its_label() -> None:
    item = right_item()
    whole = Region("desk", 0, 0, 320, 200, "desk top", 0.5)
    steps = [replace(item.trace.steps[0], value=[whole])]
    item = replace(item, trace=Trace("x", 0, "steps", "A=1", steps, "x"))
    page = render_report("t", [item], {})
    assert "<span>desk top .50</span>" in page
    assert ">1 desk top .50</text>" in page
