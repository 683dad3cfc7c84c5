"""The page in a real browser: hostile text stays text, nothing leaves, every control works."""

import io
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from PIL import Image
from report_examples import (
    HOSTILE,
    failed_item,
    hostile_item,
    right_item,
    unlabelled_item,
    wrong_item,
)

from vprog.report.html import write_report

sync_api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")

CHROMIUM = shutil.which("chromium") or ""
ARGUMENTS = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]

pytestmark = pytest.mark.skipif(not CHROMIUM, reason="chromium is not installed")


@pytest.fixture(scope="module")
def browser() -> Iterator["sync_api.Browser"]:
    with sync_api.sync_playwright() as play:
        browser = play.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        yield browser
        browser.close()


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> Path:
    items = [right_item(), wrong_item(), failed_item(), unlabelled_item(), hostile_item()]
    path = tmp_path_factory.mktemp("report") / "report.html"
    return write_report(path, HOSTILE, items, {HOSTILE: HOSTILE, "seed": 0})


class Watched:
    """A page together with everything that should not happen on it."""

    def __init__(self, page: "sync_api.Page") -> None:
        self.page = page
        self.requests: list[str] = []
        self.complaints: list[str] = []
        page.on("request", lambda r: self.requests.append(r.url))
        page.on("console", lambda m: self.complaints.append(m.text))
        page.on("pageerror", lambda e: self.complaints.append(str(e)))
        page.on("dialog", lambda d: (self.complaints.append("dialog"), d.dismiss()))
        page.on("popup", lambda _: self.complaints.append("popup"))

    @property
    def outside(self) -> list[str]:
        """Requests for anything but the file itself and pictures inside it."""
        return [u for u in self.requests if not u.startswith(("file:///", "data:"))]

    @property
    def ran(self) -> bool:
        """Whether the hostile text ran as a script."""
        return bool(self.page.evaluate("'ran' in window"))

    def shown(self) -> list[str]:
        """Ids of the items that the filters leave."""
        return [a.get_attribute("id") for a in self.page.locator("article:visible").all()]


@pytest.fixture
def watched(browser: "sync_api.Browser", report: Path) -> Iterator[Watched]:
    page = browser.new_page(color_scheme="light", viewport={"width": 1280, "height": 900})
    watched = Watched(page)
    page.goto(report.as_uri())
    yield watched
    page.close()


def test_hostile_text_stays_text_and_nothing_leaves(watched: Watched) -> None:
    page = watched.page
    for summary in page.locator("details:not([open]) > summary").all():
        summary.click()
    for target in ("h2", ".call", ".value", ".tags", ".box", "figcaption", ".badge"):
        for element in page.locator(f"#e5 {target}").all():
            element.dispatch_event("pointerover")
            element.dispatch_event("mouseover")
    page.locator("#search").fill(HOSTILE.replace("\x00", "").replace("\ud800", ""))
    assert "<script>window.ran=1</script>" in page.locator("#e5 h2").inner_text()
    assert "<script>window.ran=1</script>" in page.title()
    assert page.locator("script").count() == 1
    assert page.locator("img, a[href^='javascript'], iframe, object, embed").count() == 0
    assert not watched.ran
    assert watched.complaints == []
    assert watched.outside == []
    assert watched.requests  # the watch works: the file itself was seen


def test_the_policy_stops_markup_that_slips_through(watched: Watched) -> None:
    page = watched.page
    page.evaluate(
        """() => {
          window.stopped = new Set();
          document.addEventListener("securitypolicyviolation",
            (event) => window.stopped.add(event.effectiveDirective));
          const box = document.createElement("div");
          document.body.append(box);
          box.innerHTML = `<img src="http://192.0.2.1/x.png"><p style="color:red">x</p>
            <img src="data:,x" onerror="window.ran=1">`;
          const script = document.createElement("script");
          script.textContent = "window.ran = 1";
          document.body.append(script);
          fetch("http://192.0.2.1/").catch(() => {});
        }"""
    )
    wanted = ["connect-src", "img-src", "script-src-attr", "script-src-elem", "style-src-attr"]
    page.wait_for_function("n => window.stopped.size >= n", arg=len(wanted))
    assert sorted(page.evaluate("[...window.stopped]")) == wanted
    assert not watched.ran


def test_filters(watched: Watched) -> None:
    page = watched.page
    assert watched.shown() == ["e1", "e2", "e3", "e4", "e5"]
    for verdict, ids in (("right", ["e1"]), ("wrong", ["e2"]), ("failed", ["e3", "e5"])):
        page.locator(f"[data-filter={verdict}]").click()
        assert watched.shown() == ids
    assert page.locator("#shown").inner_text() == "2 of 5"
    page.locator("[data-filter='']").click()
    page.locator("#tools").select_option(label="vqa (1)")
    assert watched.shown() == ["e1"]
    page.locator("#tools").select_option(label="detect (3)")
    assert watched.shown() == ["e1", "e2", "e3"]
    page.locator("#types").select_option(label="compare (1)")
    assert watched.shown() == ["e2"]
    page.locator("#types").select_option(label="query (1)")
    assert watched.shown() == ["e1"]
    page.locator("#tools").select_option(label="inpaint (1)")
    assert watched.shown() == []
    page.get_by_text("Clear filters").click()
    assert len(watched.shown()) == 5
    page.locator("#reused").check()
    assert watched.shown() == ["e1", "e5"]


def test_search_finds_questions_programs_and_values(watched: Watched) -> None:
    for text, ids in (
        ("RIGHT of the red", ["e1"]),
        ("execute_command", ["e2"]),
        ("something else", ["e1"]),
        ("got number 3", ["e3"]),
        ("no such words", []),
        ("<script>", ["e5"]),
    ):
        watched.page.locator("#search").fill(text)
        assert watched.shown() == ids, text


def test_keys(watched: Watched) -> None:
    page = watched.page
    focused = "document.activeElement.id"
    seen = []
    for key in ("j", "j", "j", "k", "k", "k"):
        page.keyboard.press(key)
        seen.append(page.evaluate(focused))
    assert seen == ["e1", "e2", "e3", "e2", "e1", "e1"]
    top = page.locator("#e1").bounding_box()["y"]
    assert 0 <= top < 120
    page.keyboard.press("/")
    assert page.evaluate(focused) == "search"
    page.keyboard.type("jk/")
    assert watched.shown() == []
    page.keyboard.press("Escape")
    assert len(watched.shown()) == 5
    page.keyboard.press("Escape")
    page.locator("[data-filter=failed]").click()
    page.keyboard.press("j")
    assert page.evaluate(focused) == "e3"
    page.keyboard.press("j")
    assert page.evaluate(focused) == "e5"


def test_light_and_dark(browser: "sync_api.Browser", report: Path) -> None:
    ground = "getComputedStyle(document.body).backgroundColor"
    context = browser.new_context(color_scheme="dark")
    page = context.new_page()
    page.goto(report.as_uri())
    dark = page.evaluate(ground)
    page.locator("#theme").click()
    light = page.evaluate(ground)
    assert (dark, light) == ("rgb(14, 17, 22)", "rgb(245, 246, 248)")
    page.reload()
    assert page.evaluate(ground) == light  # the choice is kept
    page.keyboard.press("t")
    assert page.evaluate(ground) == dark
    context.close()


def test_boxes_lie_on_what_they_name(watched: Watched) -> None:
    page = watched.page
    picture = page.locator("#e1 svg.figure")
    outer = picture.bounding_box()
    scale = outer["width"] / 320
    assert outer["height"] == pytest.approx(200 * scale, abs=1)
    edge = page.locator("#e1 .box[data-steps^='1'] .edge").bounding_box()
    placed = [(edge["x"] - outer["x"]) / scale, (edge["y"] - outer["y"]) / scale]
    assert placed == pytest.approx([40, 70], abs=2)
    assert [edge["width"] / scale, edge["height"] / scale] == pytest.approx([50, 60], abs=3)
    pixels = Image.open(io.BytesIO(picture.screenshot())).convert("RGB")
    red, green, blue = pixels.getpixel((round(55 * scale), round(110 * scale)))
    assert red > 180
    assert max(green, blue) < 90
    red, green, blue = pixels.getpixel((round(200 * scale), round(110 * scale)))
    assert blue > 150
    assert red < 90


def test_crops_show_their_part_of_the_picture(watched: Watched) -> None:
    crop = watched.page.locator("#e1 [data-step='1'] .value svg.crop")
    pixels = Image.open(io.BytesIO(crop.screenshot())).convert("RGB")
    red, green, blue = pixels.getpixel((pixels.width // 2, pixels.height // 2))
    assert red > 180
    assert max(green, blue) < 90


def test_tiny_pictures_are_enlarged_with_hard_pixels(watched: Watched) -> None:
    picture = watched.page.locator("#e3 svg.figure")
    shot = Image.open(io.BytesIO(picture.screenshot())).convert("RGB")
    assert shot.width >= 240
    colours = {
        colour for _, colour in shot.crop((10, shot.height // 2, 60, shot.height - 10)).getcolors()
    }
    assert colours == {(0, 0, 0)}
    blue = shot.crop((shot.width * 21 // 30 + 2, 12, shot.width * 29 // 30 - 2, 60)).getcolors()
    assert [colour for _, colour in blue] == [(40, 90, 230)]


def test_a_step_lights_up_its_boxes_and_its_line(watched: Watched) -> None:
    page = watched.page
    page.locator("#e1 [data-step='4']").hover()
    lit = page.locator("#e1 .box.on")
    assert [b.get_attribute("data-steps") for b in lit.all()] == ["3 4"]
    assert page.locator("#e1 .program .on").get_attribute("data-line") == "4"
    page.locator("#e1 .box[data-steps='1 2']").dispatch_event("pointerover")
    rows = page.locator("#e1 [data-step].on")
    assert [r.get_attribute("data-step") for r in rows.all()] == ["1", "2"]
    page.locator("h1").hover()
    assert page.locator(".on, .lit").count() == 0


def test_a_picture_opens_large_and_closes(watched: Watched) -> None:
    picture = watched.page.locator("#e1 svg.figure")
    before = picture.bounding_box()["width"]
    picture.click()
    assert picture.bounding_box()["width"] > 2 * before
    picture.click()
    assert picture.bounding_box()["width"] == before


@pytest.mark.parametrize("width", [1280, 700, 380])
def test_nothing_is_wider_than_the_window(
    browser: "sync_api.Browser", report: Path, width: int
) -> None:
    page = browser.new_page(viewport={"width": width, "height": 800})
    page.goto(report.as_uri())
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    page.close()


def test_it_reads_without_its_script(browser: "sync_api.Browser", report: Path) -> None:
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(report.as_uri())
    assert page.locator("article").count() == 5
    assert page.locator("#e1 h2").is_visible()
    assert not page.locator(".filters").is_visible()
    context.close()
