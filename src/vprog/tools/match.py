"""match: how well do phrases fit an image? SELECT, CLASSIFY; verify_property, best_text_match.

VisProg's SELECT takes the objects that a query names, or else the one that fits it best, and reads
commas as several queries; CLASSIFY names each object by the category that fits it best (VisProg,
module table and code).
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


def _queries(args: Args) -> list[str]:
    query = str(args["query"])
    return [part.strip() for part in query.split(",") if part.strip()] or [query]


def _named(args: Args) -> list[Region]:
    """The objects that a query names by their label, where no category is given."""
    if args["category"] is not None:
        return []
    found = []
    for query in _queries(args):
        # Panoptic labels of COCO have these endings, as in "grass-merged".
        labels = [query.lower() + ending for ending in ("", "-merged", "-other-merged")]
        present = {o.label.lower() for o in _objects(args)}
        label = next((label for label in labels if label in present), None)
        found += [o for o in _objects(args) if label is not None and o.label.lower() == label]
    return found


def _select_calls(args: Args) -> list[dict[str, Value]]:
    if _named(args):
        return []
    queries: list[Value] = list(_queries(args))
    return [{"image": region, "options": queries} for region in _candidates(args)]


def _select_finish(args: Args, results: Sequence[Result], pictures: Pictures) -> Result:
    del pictures
    named: list[Value] = list(_named(args))
    if named:
        return Result(named, {"note": "chosen by label"})
    candidates = _candidates(args)
    if not candidates:
        return Result([], {"note": "nothing to select from"})
    scores = [_scores(r) for r in results]
    chosen: list[Value] = []
    for number, query in enumerate(_queries(args)):
        best = max(range(len(scores)), key=lambda index: scores[index][number])
        chosen.append(candidates[best]._replace(label=query, score=scores[best][number]))
    return Result(chosen, {"scores": scores if len(chosen) > 1 else [s[0] for s in scores]})


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
        "Of the boxes `object` those whose label is `query`, or else the one that fits it best; "
        "several queries are separated by commas. With a `category`, the one box that fits best "
        "among those with that label."
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
