"""The page of a study: one HTML file that works offline and saves what is rated as CSV."""

from __future__ import annotations

import base64
import io
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from vprog.distill.reading import boxes_in
from vprog.example import Example
from vprog.report.text import escape

if TYPE_CHECKING:
    from vprog.distill.study import Item

_STYLE = """
:root { color-scheme: light dark; }
body { font: 16px/1.45 system-ui, sans-serif; max-width: 62rem; margin: 1.5rem auto }
body { padding: 0 1rem }
section { border-top: 1px solid #8886; padding: 1rem 0 }
.sides { display: grid; grid-template-columns: 1fr 1fr; gap: 1.5rem }
figure { position: relative; margin: 0 0 .5rem; display: inline-block; max-width: 100% }
img { display: block; max-width: 100%; min-width: 12rem }
svg { position: absolute; inset: 0; width: 100%; height: 100% }
rect { fill: none; stroke: #f0a; stroke-width: 2; vector-effect: non-scaling-stroke }
fieldset { border: 0; padding: 0; margin: .3rem 0 }
q { quotes: none; font-weight: 600 }
#save { position: sticky; bottom: 1rem; padding: .6rem 1rem; font: inherit }
@media (max-width: 40rem) { .sides { grid-template-columns: 1fr } }
"""

_SCRIPT = """
const inputs = [...document.querySelectorAll("input")];
const store = "study " + document.body.dataset.study;
let kept = {};
try { kept = JSON.parse(localStorage.getItem(store) || "{}"); } catch (error) { kept = {}; }
for (const input of inputs) {
  if (kept[input.name] === input.value) input.checked = true;
  input.addEventListener("change", () => {
    kept[input.name] = input.value;
    try { localStorage.setItem(store, JSON.stringify(kept)); } catch (error) { /* not kept */ }
  });
}
document.getElementById("save").addEventListener("click", () => {
  const criteria = JSON.parse(document.body.dataset.criteria);
  const lines = [["item", "side", ...criteria].join(",")];
  for (const side of document.querySelectorAll("[data-side]")) {
    const {item, side: name} = side.dataset;
    const said = criteria.map((c) =>
      (side.querySelector(`input[name="${item} ${name} ${c}"]:checked`) || {value: ""}).value);
    lines.push([item, name, ...said].join(","));
  }
  const link = document.createElement("a");
  link.href = URL.createObjectURL(new Blob([lines.join("\\n") + "\\n"], {type: "text/csv"}));
  link.download = "ratings.csv";
  link.click();
});
"""


def page(items: Sequence[Item], criteria: Mapping[str, str]) -> str:
    """The page; it holds pictures and texts and says nowhere which model is which.

    Args:
        items: In the order of the page.
        criteria: What is rated -> the question.

    Raises:
        PictureError: A picture cannot be read.
    """
    names = escape("[" + ", ".join(f'"{name}"' for name in criteria) + "]")
    study = escape(_hash_of(items))
    parts = [
        "<!doctype html><html lang=en><head><meta charset=utf-8>",
        "<meta name=viewport content='width=device-width'><title>Study</title>",
        f"<style>{_STYLE}</style></head>",
        f'<body data-criteria="{names}" data-study="{study}"><h1>Which explanations hold?</h1>',
        "<p>Two models answer the same question, A and B; which is which changes. Please judge "
        "each by itself. Boxes of an explanation are drawn. Leave open what you cannot say. "
        "What you choose is kept in this browser; save it at the end and send the file back.</p>",
    ]
    for item in items:
        example = item.sides[0].example
        parts.append(f"<section><h2>{item.number}. <q>{escape(example.question)}</q></h2>")
        parts.append("<div class=sides>")
        for side, said in zip("AB", item.sides, strict=True):
            parts.append(f'<div data-side="{side}" data-item="{item.number}"><h3>{side}</h3>')
            parts += _pictures(example, said.text, said.grid)
            parts.append(f"<p>Answer: <q>{escape(said.answer or 'none')}</q></p>")
            parts.append(f"<p>{escape(said.text) or 'No explanation.'}</p>")
            for name, question in criteria.items():
                parts.append(_choice(f"{item.number} {side} {name}", question))
            parts.append("</div>")
        parts.append("</div></section>")
    parts.append("<button id=save>Save ratings as CSV</button>")
    parts.append(f"<script>{_SCRIPT}</script></body></html>")
    return "\n".join(parts)


def _hash_of(items: Sequence[Item]) -> str:
    """Names a study, so that a browser keeps the ratings of two apart."""
    import hashlib

    said = "\0".join(f"{s.example.id}\0{s.answer}\0{s.text}" for i in items for s in i.sides)
    return hashlib.sha256(said.encode("utf-8", "backslashreplace")).hexdigest()[:12]


def _pictures(example: Example, text: str, grid: int) -> list[str]:
    boxes = dict.fromkeys(b for sentence in text.split(" . ") for b in boxes_in(sentence))
    parts = []
    for number, picture in enumerate(example.pictures):
        buffer = io.BytesIO()
        picture.load().save(buffer, "PNG")
        data = base64.b64encode(buffer.getvalue()).decode()
        drawn = "".join(
            f'<rect x="{x1}" y="{y1}" width="{max(x2 - x1, 0)}" height="{max(y2 - y1, 0)}"/>'
            for index, (x1, y1, x2, y2) in boxes
            if index == number
        )
        side = grid - 1
        parts.append(
            f'<figure><img alt="picture {number + 1}" src="data:image/png;base64,{data}">'
            f'<svg viewBox="0 0 {side} {side}" preserveAspectRatio="none">{drawn}</svg></figure>'
        )
    return parts


def _choice(name: str, question: str) -> str:
    inputs = " ".join(
        f'<label><input type=radio name="{name}" value="{value}"> {value}</label>'
        for value in ("yes", "no")
    )
    return f"<fieldset>{escape(question)} {inputs}</fieldset>"
