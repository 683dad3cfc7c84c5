"""Templates of yes-no questions and comparisons: verify, logical and compare."""

from __future__ import annotations

from vprog.world.candidate import (
    Candidate,
    Context,
    Template,
    binary,
    closure,
    is_fact,
    presupposed,
    yes,
)
from vprog.world.entailment import Fact
from vprog.world.reference import INVERSE, Ref, Semantic, having, related, value_of
from vprog.world.templates_open import side_of
from vprog.world.vocabulary import (
    FAMILIES,
    FAMILY_OF,
    KINDS,
    TAXONOMY,
    plural,
    singular,
    with_article,
)


def _wrong_value(ctx: Context, ref: Ref, family: str) -> str:
    value = value_of(ref.thing, family)
    return ctx.rng.choice([v for v in ctx.values(family, ref.thing.name) if v != value])


def _claim(ctx: Context, ref: Ref, family: str, truth: bool) -> str:
    """A value of the family: the object's own, or a wrong one."""
    return value_of(ref.thing, family) if truth else _wrong_value(ctx, ref, family)


def _states(ref: Ref, value: str) -> tuple[Fact, ...]:
    """What the true answer to "is it ``value``?" says."""
    family = FAMILY_OF[value]
    if value_of(ref.thing, family) == value:
        return is_fact(ref, family, value)
    return (("not", ref.key, family, value),)


def verify_attribute(ctx: Context) -> Candidate | None:
    """Is the cat red?"""
    family = ctx.rng.choice(("color", "color", "size", "pattern"))
    ref, truth = ctx.ref(family), ctx.maybe()
    if ref is None:
        return None
    value = _claim(ctx, ref, family, truth)
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
        facts=(*presupposed(ref), *_states(ref, value)),
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
        texts=(f"Is {one.the} {relation} {two.the}?",
               f"Can you see {one.the} {relation} {two.the}?"),
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


def logical_attributes(ctx: Context) -> Candidate | None:
    """Is the cat red and striped? Is the cat either red or blue?"""
    both, truth = ctx.maybe(), ctx.maybe()
    if both:
        one, two = ctx.rng.sample(tuple(FAMILIES), 2)
    else:
        one = two = ctx.rng.choice(("color", "color", "pattern"))
    ref = ctx.ref(one, two)
    if ref is None:
        return None
    if both:
        right = ctx.rng.choice(((True, True),) if truth else ((True, False), (False, True)))
        values = [_claim(ctx, ref, one, right[0]), _claim(ctx, ref, two, right[1])]
    else:
        wrong = [v for v in ctx.values(one, ref.thing.name) if v != value_of(ref.thing, one)]
        values = ctx.rng.sample(wrong, 2)
        if truth:
            values[ctx.rng.randrange(2)] = value_of(ref.thing, one)
    semantic = Semantic()
    index = ref.add_to(semantic)
    checks = [semantic.add(f"verify {FAMILY_OF[v]}", v, index) for v in values]
    word = "and" if both else "or"
    semantic.add(word, "", *checks)
    first, second = values
    texts = (
        (f"Is {ref.the} both {first} and {second}?", f"Is {ref.the} {first} and {second}?",
         f"Does {ref.the} look {first} and {second}?")
        if both
        else (f"Is {ref.the} either {first} or {second}?",
              f"Does {ref.the} look either {first} or {second}?")
    )  # fmt: skip
    states: tuple[Fact, ...] = ()
    if truth == both:
        states = (*_states(ref, first), *_states(ref, second))
    needs = [("is", ref.key, FAMILY_OF[v], v) for v in values]
    detailed = "verifyAttrs" if both else "verifyAttrsOr"
    return Candidate(
        texts=texts,
        semantic=semantic,
        answer=yes(truth),
        full=f"{yes(truth).capitalize()}, {ref.the} is {value_of(ref.thing, one)}"
        + (f" and {value_of(ref.thing, two)}." if both else "."),
        structural="logical",
        semantic_type="attr",
        detailed=detailed,
        group=(None, f"05-{first}_{second}"),
        keys=binary(detailed, "|".join(sorted(values))),
        facts=(*presupposed(ref), *states),
        need=(word, *needs),
    )


def logical_exist(ctx: Context) -> Candidate | None:
    """Are there both cats and dogs? Are there either cats or dogs?"""
    both = ctx.maybe()
    nouns: list[str] = []
    while len(nouns) < 2:
        noun = ctx.thing().name if ctx.rng.random() < (0.7 if both else 0.25) else (
            ctx.rng.choice(KINDS + tuple(TAXONOMY))
        )  # fmt: skip
        if noun not in nouns and not (nouns and nouns[0] in closure((noun,))):
            nouns.append(noun)
    if nouns[1] in closure((nouns[0],)):
        return None
    found = [having(ctx.scene, {noun}) for noun in nouns]
    truth = all(found) if both else any(found)
    semantic = Semantic()
    checks = []
    for noun, things in zip(nouns, found, strict=True):
        ids = ",".join(thing.id for thing in things) or "-"
        checks.append(semantic.add("exist", "?", semantic.add("select", f"{noun} ({ids})")))
    word = "and" if both else "or"
    semantic.add(word, "", *checks)
    first, second = (plural(noun) for noun in nouns)
    texts = (
        (f"Are there both {first} and {second}?", f"Do you see both {first} and {second}?",
         f"Are there both {first} and {second} in the picture?")
        if both
        else (f"Are there either {first} or {second}?", f"Do you see either {first} or {second}?",
              f"Are there either any {first} or {second} in this picture?")
    )  # fmt: skip
    facts: tuple[Fact, ...] = ()
    if truth and both:
        facts = tuple(("some", closure((noun,))) for noun in nouns)
    elif not truth and not both:
        facts = tuple(("none", frozenset((noun,))) for noun in nouns)
    detailed = "existAnd" if both else "existOr"
    return Candidate(
        texts=texts,
        semantic=semantic,
        answer=yes(truth),
        full=f"{yes(truth).capitalize()}, there are "
        + ("" if truth else "not " if both else "no ") + f"{first} {word} {second}.",
        structural="logical",
        semantic_type="obj",
        detailed=detailed,
        group=(None, f"09{detailed}-{nouns[0]}_{nouns[1]}"),
        keys=binary(detailed, "|".join(sorted(nouns))),
        facts=facts,
        need=(word, *(("exist", closure((noun,))) for noun in nouns)),
    )  # fmt: skip


def logical_two(ctx: Context) -> Candidate | None:
    """Are both the cat and the cup red? Is either the cat or the cup red?"""
    family = ctx.rng.choice(("color", "size", "pattern"))
    pair, both = ctx.two_refs(family), ctx.maybe()
    if pair is None:
        return None
    own = [value_of(ref.thing, family) for ref in pair]
    value = ctx.rng.choice((*own, ctx.rng.choice(FAMILIES[family])))
    if any(value not in ctx.values(family, ref.thing.name) for ref in pair):
        return None
    right = [v == value for v in own]
    truth = all(right) if both else any(right)
    semantic = Semantic()
    checks = []
    for ref in pair:
        checks.append(semantic.add(f"verify {family}", value, ref.add_to(semantic)))
    word = "and" if both else "or"
    semantic.add(word, "", *checks)
    first, second = pair[0].the, pair[1].the
    texts = (
        (f"Are both {first} and {second} {value}?", f"Do both {first} and {second} look {value}?")
        if both
        else (f"Is either {first} or {second} {value}?",
              f"Does either {first} or {second} look {value}?")
    )  # fmt: skip
    states: tuple[Fact, ...] = ()
    if truth == both:
        states = (*_states(pair[0], value), *_states(pair[1], value))
    detailed = "bothAttr" if both else "eitherAttr"
    return Candidate(
        texts=texts,
        semantic=semantic,
        answer=yes(truth),
        full=f"{yes(truth).capitalize()}, {first} is {own[0]} and {second} is {own[1]}.",
        structural="logical",
        semantic_type="attr",
        detailed=detailed,
        group=(None, f"05-{pair[0].noun}_{pair[1].noun}_{value}"),
        keys=binary(detailed, f"{'|'.join(sorted(r.noun for r in pair))}|{value}"),
        facts=(*presupposed(*pair), *states),
        need=(word, *(("is", ref.key, family, value) for ref in pair)),
    )


def compare_two(ctx: Context) -> Candidate | None:
    """Do the cat and the cup have the same color?"""
    family = ctx.rng.choice(("color", "size", "pattern"))
    pair, same = ctx.two_refs(family), ctx.maybe()
    if pair is None:
        return None
    own = [value_of(ref.thing, family) for ref in pair]
    equal = own[0] == own[1]
    truth = equal if same else not equal
    semantic = Semantic()
    word = "same" if same else "different"
    semantic.add(f"{word} {family}", "", *[ref.add_to(semantic) for ref in pair])
    first, second = pair[0].the, pair[1].the
    texts = (
        (f"Do {first} and {second} have the same {family}?",
         f"Are {first} and {second} the same {family}?",
         f"Is the {family} of {first} the same as the {family} of {second}?")
        if same
        else (f"Do {first} and {second} have a different {family}?",
              f"Is the {family} of {first} different than the {family} of {second}?")
    )  # fmt: skip
    detailed = f"two{word.capitalize()}{family.capitalize()}"
    return Candidate(
        texts=texts,
        semantic=semantic,
        answer=yes(truth),
        full=f"{yes(truth).capitalize()}, {first} is {own[0]} and {second} is {own[1]}.",
        structural="compare",
        semantic_type="attr",
        detailed=detailed,
        group=(None, f"09{word}-{pair[0].noun}_{pair[1].noun}"),
        keys=binary(detailed, "|".join(sorted(ref.noun for ref in pair))),
        facts=presupposed(*pair),
    )


def compare_all(ctx: Context) -> Candidate | None:
    """Are all the cats the same color? Are the animals all of the same kind?"""
    thing = ctx.thing()
    noun = ctx.rng.choice((thing.name, thing.names[0]))
    things = having(ctx.scene, {noun})
    if len(things) < 2:
        return None
    families = ["color", "size", "pattern"] + (["type"] if noun in TAXONOMY else [])
    family = ctx.rng.choice(families)
    values = {t.name if family == "type" else value_of(t, family) for t in things}
    same = ctx.maybe()
    word = "same" if same else "different"
    truth = (len(values) == 1) == same
    semantic = Semantic()
    ids = ",".join(t.id for t in things)
    semantic.add(f"{word} {family}", "", semantic.add("select", f"{noun} ({ids})"))
    many = plural(noun)
    if family == "type":
        texts: tuple[str, ...] = (
            (f"Are all the {many} of the same kind?", f"Are the {many} all of the same type?")
            if same
            else (f"Are there different kinds of {noun} in the picture?",)
        )
    elif same:
        texts = (f"Are all the {many} the same {family}?", f"Do all the {many} have the same "
                 f"{family}?", f"Do the {many} all have the same {family}?")  # fmt: skip
    else:
        texts = (f"Do the {many} have different {family}s?",
                 f"Are the {many} of different {family}s?")  # fmt: skip
    detailed = f"{word}All{family.capitalize()}"
    return Candidate(
        texts=texts,
        semantic=semantic,
        answer=yes(truth),
        full=f"{yes(truth).capitalize()}, "
        + ("all of them are the same." if len(values) == 1 else "they are not all the same."),
        structural="compare",
        semantic_type="attr",
        detailed=detailed,
        group=(None, f"07{word}-all{noun}"),
        keys=binary(detailed, noun),
        facts=(("some", closure((noun,))),),
    )


def compare_common(ctx: Context) -> Candidate | None:
    """What do the cat and the cup have in common?"""
    pair = ctx.two_refs()
    if pair is None:
        return None
    shared = [f for f in FAMILIES if value_of(pair[0].thing, f) == value_of(pair[1].thing, f)]
    if len(shared) != 1:
        return None
    semantic = Semantic()
    semantic.add("common", "", *[ref.add_to(semantic) for ref in pair])
    first, second = pair[0].the, pair[1].the
    space = tuple(FAMILIES)
    return Candidate(
        texts=(f"What do {first} and {second} have in common?",
               f"What is the same about {first} and {second}?"),
        semantic=semantic,
        answer=shared[0],
        full=f"The {shared[0]} is the same.",
        structural="compare",
        semantic_type="attr",
        detailed="twoCommon",
        group=(None, f"09common-{pair[0].noun}_{pair[1].noun}"),
        keys=(("twoCommon", 0, space),),
        facts=presupposed(*pair),
    )  # fmt: skip


def compare_size(ctx: Context) -> Candidate | None:
    """Which is larger, the cat or the cup?"""
    one = ctx.lone_kind()
    two = ctx.lone_kind(one.thing) if one else None
    if one is None or two is None:
        return None
    if value_of(one.thing, "size") == value_of(two.thing, "size"):
        return None
    word = ctx.rng.choice(("larger", "smaller"))
    wanted = "large" if word == "larger" else "small"
    answer = one if value_of(one.thing, "size") == wanted else two
    semantic = Semantic()
    semantic.add(f"choose {word}", "", one.add_to(semantic), two.add_to(semantic))
    space = tuple(sorted((one.noun, two.noun)))
    return Candidate(
        texts=(f"Which is {word}, {one.the} or {two.the}?",
               f"Who or what is {word}, {one.the} or {two.the}?",
               f"Which of the two is {word}, {one.the} or {two.the}?"),
        semantic=semantic,
        answer=answer.noun,
        full=f"{answer.the.capitalize()} is {word}.",
        structural="compare",
        semantic_type="attr",
        detailed="comparativeChoose",
        group=(None, f"09c-{one.noun}_{two.noun}_{word}"),
        keys=((f"{word}|{space}", 0, space),),
        facts=presupposed(one, two),
        answer_ids=(answer.thing.id,),
    )  # fmt: skip


VERIFY: tuple[tuple[Template, float], ...] = (
    (verify_attribute, 4),
    (verify_exist, 3),
    (verify_exist_relation, 3),
    (verify_relation, 3),
    (verify_position, 1),
    (verify_scene, 0.4),
)
LOGICAL: tuple[tuple[Template, float], ...] = (
    (logical_attributes, 3),
    (logical_exist, 2),
    (logical_two, 2),
)
COMPARE: tuple[tuple[Template, float], ...] = (
    (compare_two, 3),
    (compare_all, 2),
    (compare_common, 1),
    (compare_size, 2),
)
"""Templates with their weights."""
