"""match: how well do phrases fit an image? SELECT, CLASSIFY; verify_property, best_text_match.

VisProg's SELECT takes the object that fits a query best, CLASSIFY names each object by the category
that fits it best (VisProg, module table and code).
"""

from __future__ import annotations

from collections.abc import Sequence

from vprog.errors import ProgramError
from vprog.example import Region
from vprog.tools.module import Args, Module, Pictures
from vprog.tools.tool import Param, Tool
from vprog.trace import Result, Value

HOLDS = 0.5
"""The belief from which an option counts as true, as in verify_property."""


def _fitting(options: Value, beliefs: Value) -> Value:
    """What a rationale says of a call: yes or no of one option, the best one of several."""
    assert isinstance(options, list)
    assert isinstance(beliefs, list)
    if len(options) == 1:
        return bool(beliefs[0] >= HOLDS)
    return options[max(range(len(options)), key=beliefs.__getitem__)] if options else None


TOOL = Tool(
    name="match",
    params=(Param("image", "image"), Param("options", "texts")),
    returns="numbers",
    doc=(
        "For every option the belief in [0, 1] that it is true of the image; not normalised over "
        "the options."
    ),
    sentence="{image} {options} : {value}",
    outcome=lambda args, value: _fitting(args["options"], value),
    learns=True,
    needs="Bind an image-text matching model, or use the toolbox oracle or pixels",
)


def _objects(args: Args) -> list[Region]:
    objects = args["object"]
    assert isinstance(objects, list)
    return objects


def _scores(result: Result) -> list[float]:
    assert isinstance(result.value, list)
    return result.value


def _candidates(args: Args) -> list[Region]:
    category = args["category"]
    objects = _objects(args)
    if category is None:
        return objects
    named = [o for o in objects if o.label.lower() == str(category).lower()]
    return named or objects


def _select_calls(args: Args) -> list[dict[str, Value]]:
    return [{"image": region, "options": [args["query"]]} for region in _candidates(args)]


def _select_finish(args: Args, results: Sequence[Result], pictures: Pictures) -> Result:
    del pictures
    candidates = _candidates(args)
    if not candidates:
        return Result([], {"note": "nothing to select from"})
    scores = [_scores(r)[0] for r in results]
    best = max(range(len(scores)), key=scores.__getitem__)
    chosen = candidates[best]._replace(label=str(args["query"]), score=scores[best])
    return Result([chosen], {"scores": scores})


SELECT = Module(
    name="SELECT",
    params=(
        Param("image", "image"),
        Param("object", "images"),
        Param("query", "text"),
        Param("category", "any", None),
    ),
    returns="images",
    doc=(
        "Of the boxes `object` the one that fits `query` best, as a list of one box; `category` "
        "considers only boxes with that label first."
    ),
    tool="match",
    sentence="best {query} : {value}",
    calls=_select_calls,
    finish=_select_finish,
)


def _categories(args: Args) -> list[str]:
    categories = args["categories"]
    if isinstance(categories, str):
        categories = [part.strip() for part in categories.split(",")]
    if (
        not isinstance(categories, list)
        or not categories
        or not all(isinstance(c, str) and c for c in categories)
    ):
        raise ProgramError(
            "type", "CLASSIFY wants categories: a list of texts, or one text with commas"
        )
    return [str(c) for c in categories]


def _classify_calls(args: Args) -> list[dict[str, Value]]:
    options: list[Value] = list(_categories(args))
    return [{"image": region, "options": options} for region in _objects(args)]


def _classify_finish(args: Args, results: Sequence[Result], pictures: Pictures) -> Result:
    del pictures
    categories = _categories(args)
    named: list[Value] = []
    for region, result in zip(_objects(args), results, strict=True):
        scores = _scores(result)
        best = max(range(len(scores)), key=scores.__getitem__)
        named.append(region._replace(label=categories[best], score=scores[best]))
    return Result(named)


CLASSIFY = Module(
    name="CLASSIFY",
    params=(Param("image", "image"), Param("object", "images"), Param("categories", "any")),
    returns="images",
    doc="The boxes `object`, each labelled with the one of `categories` that fits it best.",
    tool="match",
    sentence="{categories} : {value}",
    calls=_classify_calls,
    finish=_classify_finish,
)

MODULES = (SELECT, CLASSIFY)
