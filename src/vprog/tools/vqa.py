"""vqa: a short answer to a question about an image. VQA; simple_query."""

from __future__ import annotations

from vprog.tools.module import Module
from vprog.tools.tool import Param, Tool

TOOL = Tool(
    name="vqa",
    params=(Param("image", "image"), Param("question", "text")),
    returns="text",
    doc="A short answer to a question about the image.",
    sentence="{image} {question} {value}",
    learns=True,
    needs="Bind a visual question answering model, or use the toolbox oracle or pixels",
)

VQA = Module(
    name="VQA",
    params=TOOL.params,
    returns="text",
    doc="Answers a simple question about the image in a word or two.",
    tool="vqa",
    calls=lambda args: [dict(args)],
)

MODULES = (VQA,)
