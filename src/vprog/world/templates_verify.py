"""Templates of yes-no questions about one thing or relation: verify."""

from __future__ import annotations

from vprog.world.candidate import (
    Candidate,
    Context,
    Template,
    binary,
    claim,
    closure,
    presupposed,
    states,
    yes,
)
from vprog.world.entailment import Fact
from vprog.world.reference import INVERSE, Semantic, having, related, value_of
from vprog.world.templates_open import side_of
from vprog.world.vocabulary import (
    FAMILY_OF,
    KINDS,
    TAXONOMY,
    plural,
    singular,
    with_article,
)


def verify_attribute(ctx: Context) -> Candidate | None:
    """Is the cat red?"""
    family = ctx.rng.choice(("color", "color", "size", "pattern"))
    ref, truth = ctx.ref(family), ctx.maybe()
    if ref is None:
        return None
    value = claim(ctx, ref, family, truth)
    semantic = Semantic()
    semantic.add(f"verify {family}", value, ref.add_to(semantic))
    texts = [f"Is {ref.the} {value}?", f"Does {ref.the} look {value}?"]
    if family == "color":
        texts += [f"Is the color of {ref.the} {value}?", f"Is {ref.the} {value} in color?"]
    own = value_of(ref.thing, family)
    return Candidate(
        texts=tuple(texts),
        semantic=semantic,
        answer=yes(truth),
        full=f"{yes(truth).capitalize()}, {ref.the} is {own}.",
        structural="verify",
        semantic_type="attr",
        detailed="verifyAttr",
        group=(None, f"06-{ref.noun}_{value}"),
        keys=binary("verifyAttr", f"{ref.noun}|{value}"),
        facts=(*presupposed(ref), *states(ref, value)),
        need=("is", ref.key, family, value),
    )


def _sample_words(ctx: Context) -> tuple[str, str]:
    """A noun and an attribute (or "") that often, but not always, are in the scene."""
    pick = ctx.rng.random()
    if pick < 0.4:
        noun = ctx.thing().name
    elif pick < 0.8:
        noun = ctx.rng.choice(KINDS)
    else:
        noun = ctx.rng.choice(tuple(TAXONOMY))
    if ctx.rng.random() < 0.45:
        return noun, ""
    family = ctx.rng.choice(("color", "color", "size", "pattern"))
    owner = having(ctx.scene, {noun})
    if owner and ctx.maybe():
        return noun, value_of(ctx.rng.choice(owner), family)
    return noun, ctx.rng.choice(ctx.values(family, noun))


def _phrase(noun: str, attribute: str, many: bool) -> str:
    name = plural(noun) if many else singular(noun)
    return f"{attribute} {name}" if attribute else name


def verify_exist(ctx: Context) -> Candidate | None:
    """Is there a red cat in the picture?"""
    noun, attribute = _sample_words(ctx)
    words = {noun, attribute} - {""}
    found = having(ctx.scene, words)
    truth = bool(found)
    semantic = Semantic()
    ids = ",".join(thing.id for thing in found) or "-"
    index = semantic.add("select", f"{noun} ({ids})")
    if attribute:
        index = semantic.add(f"filter {FAMILY_OF[attribute]}", attribute, index)
    semantic.add("exist", "?", index)
    one, many = with_article(_phrase(noun, attribute, False)), _phrase(noun, attribute, True)
    fact: Fact = ("some", closure(words)) if truth else ("none", frozenset(words))
    return Candidate(
        texts=(f"Is there {one} in the picture?", f"Are there any {many}?", f"Do you see {one}?",
               f"Are there {many} in this picture?", f"Do you see any {many} there?",
               f"Is there {one}?"),
        semantic=semantic,
        answer=yes(truth),
        full=f"Yes, there is {one}." if truth else f"No, there are no {many}.",
        structural="verify",
        semantic_type="obj",
        detailed="existAttr" if attribute else "exist",
        group=(None, f"03-{noun}"),
        keys=binary("existAttr" if attribute else "exist", f"{noun}|{attribute}"),
        facts=(fact,),
        need=("exist", closure(words)),
    )  # fmt: skip


def verify_exist_relation(ctx: Context) -> Candidate | None:
    """Are there cats to the left of the cup?"""
    anchor = ctx.ref(depth=1)
    noun, attribute = _sample_words(ctx)
    if anchor is None:
        return None
    if noun == anchor.noun:
        return None
    words, relation = {noun, attribute} - {""}, ctx.rng.choice(tuple(INVERSE))
    found = related(ctx.scene, words, relation, anchor.thing)
    if found is None or (not found and not having(ctx.scene, words) and ctx.rng.random() < 0.6):
        return None
    semantic = Semantic()
    ids = ",".join(thing.id for thing in found) or "-"
    index = semantic.add("relate", f"{noun},{relation},s ({ids})", anchor.add_to(semantic))
    if attribute:
        index = semantic.add(f"filter {FAMILY_OF[attribute]}", attribute, index)
    semantic.add("exist", "?", index)
    one, many = with_article(_phrase(noun, attribute, False)), _phrase(noun, attribute, True)
    where, truth = f"{relation} {anchor.the}", bool(found)
    stated: tuple[Fact, ...] = (("some", closure(words)),) if truth else ()
    return Candidate(
        texts=(f"Is there {one} {where}?", f"Are there any {many} {where}?",
               f"Do you see any {many} {where}?", f"Do you see {one} {where}?"),
        semantic=semantic,
        answer=yes(truth),
        full=f"Yes, there is {one} {where}." if truth else f"No, there is no "
        f"{_phrase(noun, attribute, False)} {where}.",
        structural="verify",
        semantic_type="rel",
        detailed="existRelS",
        group=(None, f"13-{anchor.noun}_{noun}"),
        keys=binary("existRelS", f"{noun}|{attribute}|{relation}"),
        facts=(*presupposed(anchor), *stated),
    )  # fmt: skip


def verify_relation(ctx: Context) -> Candidate | None:
    """Is the cat to the left of the cup?"""
    one = ctx.ref(depth=1)
    if one is None:
        return None
    two = ctx.lone_kind(one.thing)
    if two is None:
        return None
    relations = [r for r, id in one.thing.relations if id == two.thing.id and r in INVERSE]
    if not relations:
        return None
    holds, truth = ctx.rng.choice(relations), ctx.maybe()
    relation = holds if truth else INVERSE[holds]
    semantic = Semantic()
    argument = f"{two.noun},{relation},o ({two.thing.id})"
    semantic.add("verify rel", argument, one.add_to(semantic))
    return Candidate(
        texts=(f"Is {one.the} {relation} {two.the}?",),
        semantic=semantic,
        answer=yes(truth),
        full=f"{yes(truth).capitalize()}, {one.the} is {holds} {two.the}.",
        structural="verify",
        semantic_type="rel",
        detailed="relVerify",
        group=(None, f"13-{one.noun}_{two.noun}"),
        keys=binary("relVerify", f"{one.noun}|{relation}"),
        facts=(*presupposed(one, two), ("rel", one.key, holds, two.key)),
        need=("holds", one.key, relation, two.key),
    )  # fmt: skip


def verify_position(ctx: Context) -> Candidate | None:
    """Is the cat on the left side of the picture?"""
    axis = ctx.rng.choice(("hposition", "vposition"))
    ref = ctx.ref(depth=1)
    own = side_of(ctx, ref.thing, axis) if ref else None
    if ref is None or own is None:
        return None
    names = ("left", "right") if axis == "hposition" else ("top", "bottom")
    side = ctx.rng.choice(names)
    semantic = Semantic()
    semantic.add(f"verify {axis}", side, ref.add_to(semantic))
    if axis == "hposition":
        texts = (f"Is {ref.the} on the {side} side of the picture?",
                 f"Is {ref.the} on the {side}?")  # fmt: skip
    else:
        texts = (f"Is {ref.the} in the {side} of the picture?",
                 f"Is {ref.the} in the {side} part of the picture?")  # fmt: skip
    return Candidate(
        texts=texts,
        semantic=semantic,
        answer=yes(side == own),
        full=f"{yes(side == own).capitalize()}, {ref.the} is on the {own} of the image.",
        structural="verify",
        semantic_type="attr",
        detailed="positionVerify",
        group=(None, f"10v-{ref.noun}_{side}"),
        keys=binary("positionVerify", f"{ref.noun}|{side}"),
        facts=(*presupposed(ref), ("attr", ref.key, axis, own)),
        need=("is", ref.key, axis, side),
    )


def verify_scene(ctx: Context) -> Candidate | None:
    """Is the background dark?"""
    if len(ctx.domain.brightness) < 2:
        return None
    value, own = ctx.rng.choice(ctx.domain.brightness), ctx.scene.setting["background"]
    semantic = Semantic()
    semantic.add("verify background", value, semantic.add("select", "scene"))
    return Candidate(
        texts=(f"Is the background {value}?", f"Does the picture have a {value} background?"),
        semantic=semantic,
        answer=yes(value == own),
        full=f"{yes(value == own).capitalize()}, the background is {own}.",
        structural="verify",
        semantic_type="global",
        detailed="backgroundVerify",
        group=(None, f"01-background_{value}"),
        keys=binary("backgroundVerify", value),
        facts=(("scene", own),),
        need=("scene is", value),
    )


VERIFY: tuple[tuple[Template, float], ...] = (
    (verify_attribute, 4),
    (verify_exist, 3),
    (verify_exist_relation, 3),
    (verify_relation, 3),
    (verify_position, 1),
    (verify_scene, 0.4),
)
