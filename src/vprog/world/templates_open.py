"""Templates of open questions: query and choose."""

from __future__ import annotations

from vprog.example import SceneObject
from vprog.world.candidate import (
    Candidate,
    Context,
    Template,
    is_fact,
    presupposed,
)
from vprog.world.reference import INVERSE, Ref, Semantic, having, ordered, related, value_of
from vprog.world.scene import MARGIN
from vprog.world.vocabulary import FAMILIES, KINDS, TAXONOMY, singular, with_article


def query_attribute(ctx: Context) -> Candidate | None:
    """What color is the cat? What pattern does the cat have?"""
    family = "color" if ctx.rng.random() < 0.7 else "pattern"
    ref = ctx.ref(family)
    if ref is None:
        return None
    value = value_of(ref.thing, family)
    semantic = Semantic()
    semantic.add("query", family, ref.add_to(semantic))
    if family == "color":
        texts: tuple[str, ...] = (
            f"What color is {ref.the}?",
            f"Which color is {ref.the}?",
            f"What is the color of {ref.the}?",
            f"Which color does {ref.the} have?",
        )
    else:
        texts = (f"What pattern does {ref.the} have?", f"Which pattern is on {ref.the}?",
                 f"What is the pattern of {ref.the}?")  # fmt: skip
    space = ctx.values(family, ref.noun)
    return Candidate(
        texts=texts,
        semantic=semantic,
        answer=value,
        full=f"{ref.the.capitalize()} is {value}.",
        structural="query",
        semantic_type="attr",
        detailed="directWhich" if family == "color" else "directPattern",
        group=(family, f"10q-{ref.noun}_{family}"),
        keys=(
            (f"query {family}|{ref.noun}", 1, space),
            (f"query {family}", 4, FAMILIES[family]),
        ),
        facts=(*presupposed(ref), *is_fact(ref, family, value)),
        need=("value", ref.key, family),
    )


def _name(
    ctx: Context, ref: Ref, detailed: str, semantic_type: str, texts: tuple[str, ...]
) -> Candidate:
    """A question for the kind of the object that ``ref`` describes by its category."""
    semantic = Semantic()
    semantic.add("query", "name", ref.add_to(semantic))
    kinds = KINDS if ref.noun == "object" else TAXONOMY[ref.noun]
    space = ctx.kinds(kinds, ref.attributes)
    key = f"{detailed}|{ref.noun}|{' '.join(ref.attributes)}|{ref.relation}"
    if ref.anchor:
        group = f"15-{ref.anchor.noun}_{ref.relation},s"
    else:
        group = "_".join((f"12q-{ref.noun}", *ref.attributes))
    return Candidate(
        texts=texts,
        semantic=semantic,
        answer=ref.thing.name,
        full=f"The {singular(ref.noun)} is {with_article(ref.thing.name)}.",
        structural="query",
        semantic_type=semantic_type,
        detailed=detailed,
        group=(ref.noun, group),
        keys=((key, 0 if len(space) < 3 else 1, space), (f"name|{ref.noun}", 2, kinds)),
        facts=(
            *presupposed(ref),
            ("attr", ref.key, "name", ref.thing.name),
            ("some", ref.words | {ref.thing.name}),
        ),
        need=("value", ref.key, "name"),
        answer_ids=(ref.thing.id,),
    )


def query_name_by_attribute(ctx: Context) -> Candidate | None:
    """What kind of animal is red?"""
    thing = ctx.thing()
    noun = thing.names[0] if ctx.rng.random() < 0.8 else "object"
    attributes = ordered(ctx.rng.sample(thing.attributes, ctx.rng.choice((1, 1, 2))))
    if len(having(ctx.scene, {noun, *attributes})) != 1:
        return None
    ref = Ref(thing, noun, attributes)
    said, name = " and ".join(attributes), singular(noun)
    texts = [f"What is {ref.the}?", f"What is the name of {ref.the}?",
             f"What is {ref.the} called?"]  # fmt: skip
    if noun != "object":
        texts += [f"What kind of {noun} is {said}?", f"Which {name} is {said}?"]
    return _name(ctx, ref, "categoryAttr", "cat", tuple(texts))


def query_name_alone(ctx: Context) -> Candidate | None:
    """What kind of animal is in the picture?"""
    thing = ctx.thing()
    noun = thing.names[0]
    if len(having(ctx.scene, {noun})) != 1:
        return None
    texts = (f"What kind of {noun} is in the picture?", f"What kind of {noun} is it?",
             f"Which {singular(noun)} is in the picture?",
             f"Which kind of {noun} do you see?")  # fmt: skip
    return _name(ctx, Ref(thing, noun), "category", "cat", texts)


def query_name_by_relation(ctx: Context) -> Candidate | None:
    """What animal is to the left of the cup?"""
    anchor = ctx.ref(depth=1)
    if anchor is None:
        return None
    relation = ctx.rng.choice(tuple(INVERSE))
    thing = ctx.thing()
    noun = thing.names[0] if ctx.rng.random() < 0.85 else "object"
    found = related(ctx.scene, {noun}, relation, anchor.thing)
    if found is None or len(found) != 1:
        return None
    ref = Ref(found[0], noun, (), relation, anchor)
    where = f"{relation} {anchor.the}"
    if noun == "object":
        texts: tuple[str, ...] = (f"What is {where}?", f"What is the object {where}?",
                                  f"What do you see {where}?")  # fmt: skip
    else:
        texts = (f"What kind of {noun} is {where}?", f"Which {singular(noun)} is {where}?",
                 f"What is the {singular(noun)} that is {where}?",
                 f"What is the {singular(noun)} {where} called?")  # fmt: skip
    return _name(ctx, ref, "relS" if noun == "object" else "categoryRelS", "rel", texts)


def query_same_color(ctx: Context) -> Candidate | None:
    """Which animal has the same color as the cup?"""
    anchor = ctx.ref("color", depth=1)
    noun = ctx.thing().names[0]
    if anchor is None or noun in anchor.thing.names:
        return None
    color = value_of(anchor.thing, "color")
    found = having(ctx.scene, {noun, color})
    if len(found) != 1:
        return None
    semantic = Semantic()
    index = semantic.add("relate", f"{noun},same color,_ ({found[0].id})", anchor.add_to(semantic))
    semantic.add("query", "name", index)
    space = TAXONOMY[noun]
    return Candidate(
        texts=(f"Which {singular(noun)} has the same color as {anchor.the}?",
               f"What kind of {noun} has the same color as {anchor.the}?",
               f"What is the {singular(noun)} that has the same color as {anchor.the}?"),
        semantic=semantic,
        answer=found[0].name,
        full=f"The {found[0].name} has the same color as {anchor.the}.",
        structural="query",
        semantic_type="rel",
        detailed="sameRelate",
        group=(noun, f"14-{anchor.noun}_same color,_"),
        keys=((f"sameRelate|{noun}", 1, space),),
        facts=(*presupposed(anchor), ("some", frozenset({found[0].name, noun, "object"}))),
        answer_ids=(found[0].id,),
    )  # fmt: skip


def side_of(ctx: Context, thing: SceneObject, axis: str) -> str | None:
    """``left``/``right`` or ``top``/``bottom``; None near the middle."""
    left, top, right, bottom = thing.box_xyxy
    if axis == "hposition":
        offset, names = (left + right) / 2 / ctx.scene.width - 0.5, ("left", "right")
    else:
        offset, names = (top + bottom) / 2 / ctx.scene.height - 0.5, ("top", "bottom")
    if abs(offset) <= MARGIN:
        return None
    return names[0] if offset < 0 else names[1]


def query_position(ctx: Context) -> Candidate | None:
    """On which side of the picture is the cat?"""
    ref = ctx.ref(depth=1)
    side = side_of(ctx, ref.thing, "hposition") if ref else None
    if ref is None or side is None:
        return None
    semantic = Semantic()
    semantic.add("query", "hposition", ref.add_to(semantic))
    space = ("left", "right")
    return Candidate(
        texts=(f"On which side of the picture is {ref.the}?",
               f"Which side of the picture is {ref.the} on?"),
        semantic=semantic,
        answer=side,
        full=f"{ref.the.capitalize()} is on the {side} of the image.",
        structural="query",
        semantic_type="attr",
        detailed="positionQuery",
        group=(None, f"10q-{ref.noun}_hposition"),
        keys=((f"hposition|{ref.noun}", 0, space), ("hposition", 2, space)),
        facts=(*presupposed(ref), ("attr", ref.key, "hposition", side)),
        need=("value", ref.key, "hposition"),
    )  # fmt: skip


def choose_attribute(ctx: Context) -> Candidate | None:
    """Is the cat red or blue?"""
    family = ctx.rng.choice(("color", "color", "size", "pattern"))
    ref = ctx.ref(family)
    if ref is None:
        return None
    value = value_of(ref.thing, family)
    other = ctx.rng.choice([v for v in ctx.values(family, ref.thing.name) if v != value])
    first, second = (value, other) if ctx.maybe() else (other, value)
    semantic = Semantic()
    semantic.add(f"choose {family}", f"{first}|{second}", ref.add_to(semantic))
    texts = [f"Is {ref.the} {first} or {second}?", f"Does {ref.the} look {first} or {second}?"]
    if family == "color":
        texts.append(f"Which color is {ref.the}, {first} or {second}?")
    if family == "size":
        texts.append(f"How large is {ref.the}, {first} or {second}?")
    space = tuple(sorted((first, second)))
    return Candidate(
        texts=tuple(texts),
        semantic=semantic,
        answer=value,
        full=f"{ref.the.capitalize()} is {value}.",
        structural="choose",
        semantic_type="attr",
        detailed="chooseAttr",
        group=(family, f"10c-{ref.noun}_{family}"),
        keys=((f"chooseAttr|{ref.noun}|{space}", 0, space), (f"chooseAttr|{space}", 1, space)),
        facts=(*presupposed(ref), *is_fact(ref, family, value)),
        need=("choose", ref.key, family, first, second),
    )


def choose_name(ctx: Context) -> Candidate | None:
    """Is the red animal a cat or a dog?"""
    thing = ctx.thing()
    noun = thing.names[0]
    for _ in range(6):
        ref = ctx.ref(thing=thing, depth=1)
        if ref is not None and ref.noun == noun and (ref.attributes or ref.anchor):
            break
    else:
        return None
    kinds = [k for k in ctx.kinds(TAXONOMY[noun], ref.attributes) if k != thing.name]
    if not kinds:
        return None
    other = ctx.rng.choice(kinds)
    first, second = (thing.name, other) if ctx.maybe() else (other, thing.name)
    semantic = Semantic()
    semantic.add("choose name", f"{first}|{second}", ref.add_to(semantic))
    options = f"{with_article(first)} or {with_article(second)}"
    space = tuple(sorted((first, second)))
    return Candidate(
        texts=(f"Is {ref.the} {options}?", f"What is {ref.the}, {options}?",
               f"Which kind of {noun} is {ref.the}, {options}?"),
        semantic=semantic,
        answer=thing.name,
        full=f"{ref.the.capitalize()} is {with_article(thing.name)}.",
        structural="choose",
        semantic_type="cat",
        detailed="categoryThatChoose",
        group=(noun, f"12c-{noun}"),
        keys=((f"chooseName|{space}", 0, space),),
        facts=(
            *presupposed(ref),
            ("attr", ref.key, "name", thing.name),
            ("some", ref.words | {thing.name}),
        ),
        need=("choose", ref.key, "name", first, second),
        answer_ids=(thing.id,),
    )  # fmt: skip


def choose_relation(ctx: Context) -> Candidate | None:
    """Is the cat to the left or to the right of the cup?"""
    anchor = ctx.ref(depth=1)
    if anchor is None:
        return None
    one = ctx.lone_kind(anchor.thing)
    if one is None:
        return None
    relations = [r for r, id in one.thing.relations if id == anchor.thing.id and r in INVERSE]
    if not relations:
        return None
    relation = ctx.rng.choice(relations)
    first, second = (relation, INVERSE[relation])
    if ctx.maybe():
        first, second = second, first
    semantic = Semantic()
    argument = f"{one.noun},{first}|{second},s ({one.thing.id})"
    semantic.add("choose rel", argument, anchor.add_to(semantic))
    answer = relation.removeprefix("to the ").removesuffix(" of")
    joined = f"{first.removesuffix(' of')} or {second}"
    space = tuple(sorted(r.removeprefix("to the ").removesuffix(" of") for r in (first, second)))
    key = f"relChooser|{one.noun}|{anchor.noun}|{space}"
    return Candidate(
        texts=(f"Is {one.the} {joined} {anchor.the}?",
               f"Where is {one.the}, {joined} {anchor.the}?"),
        semantic=semantic,
        answer=answer,
        full=f"{one.the.capitalize()} is {relation} {anchor.the}.",
        structural="choose",
        semantic_type="rel",
        detailed="relChooser",
        group=(None, f"13-{anchor.noun}_{one.noun}"),
        keys=((key, 0, space), (f"relChooser|{space}", 2, space)),
        facts=(*presupposed(one, anchor), ("rel", one.key, relation, anchor.key)),
        need=("side", one.key, (first, second), anchor.key),
    )  # fmt: skip


def choose_position(ctx: Context) -> Candidate | None:
    """In which part of the picture is the cat, the bottom or the top?"""
    axis = ctx.rng.choice(("hposition", "vposition"))
    ref = ctx.ref(depth=1)
    side = side_of(ctx, ref.thing, axis) if ref else None
    if ref is None or side is None:
        return None
    space = ("left", "right") if axis == "hposition" else ("bottom", "top")
    first, second = space if ctx.maybe() else space[::-1]
    semantic = Semantic()
    semantic.add(f"choose {axis}", f"{first}|{second}", ref.add_to(semantic))
    if axis == "hposition":
        texts = (
            f"Is {ref.the} on the {first} or on the {second} side of the picture?",
            f"Which side of the picture is {ref.the} on, the {first} or the {second}?",
        )
    else:
        texts = (
            f"Is {ref.the} in the {first} or in the {second} of the picture?",
            f"In which part of the picture is {ref.the}, the {first} or the {second}?",
        )
    return Candidate(
        texts=texts,
        semantic=semantic,
        answer=side,
        full=f"{ref.the.capitalize()} is {'on' if axis == 'hposition' else 'in'} the {side} "
        "of the image.",
        structural="choose",
        semantic_type="attr",
        detailed="positionChoose",
        group=(None, f"10c-{ref.noun}_{axis}"),
        keys=((f"choose {axis}|{ref.noun}", 0, space), (f"choose {axis}", 2, space)),
        facts=(*presupposed(ref), ("attr", ref.key, axis, side)),
        need=("choose", ref.key, axis, first, second),
    )


def choose_scene(ctx: Context) -> Candidate | None:
    """Is the background dark or light?"""
    space = ("dark", "light")
    if ctx.domain.brightness != space:
        return None
    first, second = space if ctx.maybe() else space[::-1]
    semantic = Semantic()
    semantic.add("choose background", f"{first}|{second}", semantic.add("select", "scene"))
    answer = ctx.scene.setting["background"]
    return Candidate(
        texts=(f"Is the background {first} or {second}?",
               f"Which background does the picture have, {first} or {second}?"),
        semantic=semantic,
        answer=answer,
        full=f"The background is {answer}.",
        structural="choose",
        semantic_type="global",
        detailed="backgroundChoose",
        group=(None, "01-background"),
        keys=(("backgroundChoose", 0, space),),
        facts=(("scene", answer),),
        need=("scene",),
    )  # fmt: skip


QUERY: tuple[tuple[Template, float], ...] = (
    (query_attribute, 4),
    (query_name_by_attribute, 3),
    (query_name_alone, 1),
    (query_name_by_relation, 4),
    (query_same_color, 1),
    (query_position, 0.6),
)
CHOOSE: tuple[tuple[Template, float], ...] = (
    (choose_attribute, 4),
    (choose_name, 2),
    (choose_relation, 3),
    (choose_position, 2),
    (choose_scene, 0.5),
)
"""Templates with their weights."""
