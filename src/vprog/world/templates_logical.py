"""Templates that join or compare: logical and compare."""

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
from vprog.world.reference import Semantic, having, value_of
from vprog.world.vocabulary import (
    FAMILIES,
    FAMILY_OF,
    KINDS,
    TAXONOMY,
    plural,
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
        values = [claim(ctx, ref, one, right[0]), claim(ctx, ref, two, right[1])]
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
    stated: tuple[Fact, ...] = ()
    if truth == both:
        stated = (*states(ref, first), *states(ref, second))
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
        facts=(*presupposed(ref), *stated),
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
    checks = [semantic.add(f"verify {family}", value, ref.add_to(semantic)) for ref in pair]
    word = "and" if both else "or"
    semantic.add(word, "", *checks)
    first, second = pair[0].the, pair[1].the
    texts = (
        (f"Are both {first} and {second} {value}?", f"Do both {first} and {second} look {value}?")
        if both
        else (f"Is either {first} or {second} {value}?",
              f"Does either {first} or {second} look {value}?")
    )  # fmt: skip
    stated: tuple[Fact, ...] = ()
    if truth == both:
        stated = (*states(pair[0], value), *states(pair[1], value))
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
        facts=(*presupposed(*pair), *stated),
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
        need=(word, pair[0].key, pair[1].key, family),
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
        texts = (
            f"Are all the {many} the same {family}?",
            f"Do all the {many} share the same {family}?",
            f"Do the {many} all have the same {family}?",
        )
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
