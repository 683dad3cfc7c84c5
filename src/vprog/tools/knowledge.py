"""knowledge: an answer from outside the picture. LIST; llm_query, select_answer."""

from __future__ import annotations

from collections.abc import Sequence

from vprog.tools.module import Args, Module, Pictures
from vprog.tools.tool import Param, Tool
from vprog.trace import Result, Value

TOOL = Tool(
    name="knowledge",
    params=(Param("prompt", "text"),),
    returns="text",
    doc="A language model's short answer to a question about the world, not about the picture.",
    sentence="{prompt} : {value}",
    needs="vprog brings no backend for it: let programs do without LIST, llm_query and "
    "select_answer, or in Python give Toolbox a backend of your own",
)


def _list_calls(args: Args) -> list[dict[str, Value]]:
    return [
        {
            "prompt": f"List at most {args['max']} of the following, separated by commas and "
            f"without any other word: {args['query']}"
        }
    ]


def _list_finish(args: Args, results: Sequence[Result], pictures: Pictures) -> Result:
    del pictures
    items = [part.strip(" .\n") for part in str(results[0].value).split(",")]
    maximum = args["max"]
    assert isinstance(maximum, int | float)
    return Result([item for item in items if item][: int(maximum)])


LIST = Module(
    name="LIST",
    params=(Param("query", "text"), Param("max", "number", 20)),
    returns="texts",
    doc="A list of at most `max` names that answer `query`, from general knowledge.",
    tool="knowledge",
    sentence="{query} : {value}",
    calls=_list_calls,
    finish=_list_finish,
)

MODULES = (LIST,)
