"""Draws the picture of a report for the documentation: ``docs/report.png``.

    python bench/screenshot.py runs/gqa/report.html --items e1 --out docs/report.png

Opens the page in Chromium (playwright drives it), hides its other items, and writes a PNG of at
most 200 kB, 1200 pixels wide.
"""

from __future__ import annotations

import argparse
import io
import shutil
import sys
from pathlib import Path

from PIL import Image

WIDTH = 1200
MAX_HEIGHT = 1400
MAX_BYTES = 200_000
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


def photograph(report: Path, items: list[str], dark: bool, chromium: str) -> Image.Image:
    """The page from its top to the end of the last of ``items`` that fits ``MAX_HEIGHT``.

    Args:
        report: The HTML file.
        items: Ids of the items to show (``e1`` is the first); empty shows the first.
        dark: Whether to show the dark page.
        chromium: The browser's executable.
    """
    from playwright.sync_api import sync_playwright

    with sync_playwright() as play:
        browser = play.chromium.launch(executable_path=chromium, args=ARGUMENTS)
        page = browser.new_page(
            viewport={"width": WIDTH, "height": MAX_HEIGHT},
            color_scheme="dark" if dark else "light",
        )
        page.goto(report.resolve().as_uri())
        known = page.locator("article").evaluate_all("all => all.map(a => a.id)")
        wanted = items or known[:1]
        missing = [i for i in wanted if i not in known]
        if missing or not wanted:
            sys.exit(
                f"{report} has no item {', '.join(missing)}; it has {len(known)} (e1, e2, ...)"
            )
        page.evaluate(
            "ids => document.querySelectorAll('article').forEach("
            "a => { a.hidden = !ids.includes(a.id); })",
            wanted,
        )
        ends = [
            page.locator(f"#{i}").evaluate("a => a.getBoundingClientRect().bottom + 20")
            for i in wanted
        ]
        height = max([round(e) for e in ends if e <= MAX_HEIGHT], default=MAX_HEIGHT)
        shot = page.screenshot(clip={"x": 0, "y": 0, "width": WIDTH, "height": height})
        browser.close()
    return Image.open(io.BytesIO(shot)).convert("RGB")


def shrunk(image: Image.Image) -> bytes:
    """The picture as PNG of at most ``MAX_BYTES``, with fewer colours where that is needed."""
    for colours in (None, 256, 128, 64, 32):
        buffer = io.BytesIO()
        reduced = image if colours is None else image.quantize(colours)
        reduced.save(buffer, "PNG", optimize=True)
        if len(buffer.getvalue()) <= MAX_BYTES:
            return buffer.getvalue()
    sys.exit(f"the picture takes more than {MAX_BYTES:,} bytes; show fewer items with --items")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("report", type=Path, help="a report.html")
    parser.add_argument("--out", type=Path, default=Path("docs/report.png"))
    parser.add_argument(
        "--items", nargs="*", default=[], help="ids such as e1 e3; the first if none"
    )
    parser.add_argument("--dark", action="store_true", help="the dark page")
    parser.add_argument("--chromium", default=shutil.which("chromium"), help="the browser")
    args = parser.parse_args()
    if not args.report.is_file():
        sys.exit(f"no such report: {args.report}. vprog run writes one into its run folder")
    if not args.chromium:
        sys.exit("no chromium found; install it or name one with --chromium")
    data = shrunk(photograph(args.report, args.items, args.dark, args.chromium))
    args.out.parent.mkdir(parents=True, exist_ok=True)
    args.out.write_bytes(data)
    print(f"{args.out}: {len(data):,} bytes")


if __name__ == "__main__":
    main()
