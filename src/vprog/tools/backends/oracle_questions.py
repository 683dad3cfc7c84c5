"""Questions that the oracle understands: forms of words and how a gold scene answers them."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

from vprog.errors import ToolError
from vprog.example import Region, Scene, SceneObject
from vprog.tools.backends.oracle_regions import main_object
from vprog.tools.backends.oracle_words import (
    FAMILY_NAMES,
    RELATING,
    family_value,
    holds,
    is_attribute,
    tokens,
)

_THIS = r"(?:this|it|that|these|those)"
_PICTURE = r"(?:picture|image|photo|scene|drawing)"
_TAIL = re.compile(rf"(?: (?:in|of|on) (?:the|this) {_PICTURE}| there| here)$")
_SIDE = r"(left|right|top|bottom|upper|lower)(?: side| half| part)?"
_FAMILY = r"(colou?r|size|pattern|shape|material)s?"


class Asked:
    """One question about one region."""

    def __init__(
        self, question: str, region: Region, scene: Scene, here: Sequence[SceneObject]
    ) -> None:
        """Keeps the question, its region, the scene and the region's objects."""
        self.question = question
        self.region = region
        self.scene = scene
        self.here = here

    def reply(self) -> str:
        """The answer in normal form, or ToolError."""
        text = re.sub(r"[^a-z0-9#' -]", " ", self.question.lower())
        text = " ".join(text.split())
        for full in (_TAIL.sub("", text), text):
            for pattern, handler in _FORMS:
                found = pattern.fullmatch(full)
                if found:
                    answer = handler(self, *found.groups())
                    if answer is not None:
                        return answer
        raise ToolError(
            f"oracle does not understand the question {self.question!r}. It knows simple ones, "
            "such as 'What color is the cat?', 'Is this a dog?', 'How many red cars are there?'"
        )

    def subject(self, phrase: str) -> SceneObject:
        """The object that ``this`` or ``the PHRASE`` speaks of."""
        said = () if re.fullmatch(_THIS, phrase) else tokens(phrase)
        things = [thing for thing in self.here if holds(thing, said)]
        main = main_object(things, self.region)
        if main is None:
            raise ToolError(
                f"oracle: the question {self.question!r} is about {phrase!r}, and the region shows "
                "none"
            )
        return main

    def value(self, phrase: str, family: str) -> str:
        """The subject's value in a family of attributes."""
        thing = self.subject(phrase)
        value = family_value(thing, FAMILY_NAMES[family])
        if value is None:
            raise ToolError(
                f"oracle: the question {self.question!r} asks for the {family} of a {thing.name}, "
                "and its gold scene does not tell"
            )
        return value

    def attribute(self, family: str, phrase: str) -> str:
        """What color is X."""
        return self.value(phrase, family)

    def bigness(self, phrase: str) -> str:
        """How big is X."""
        return self.value(phrase, "size")

    def name(self, kind: str | None, phrase: str | None) -> str | None:
        """What (kind of) PHRASE is X; what PHRASE is there."""
        if kind is not None and kind.split()[-1] in FAMILY_NAMES:
            return None
        if phrase is None or re.fullmatch(_THIS, phrase):
            return self.subject(kind or "this").name
        return self.subject(phrase if kind is None else f"{kind} {phrase}").name

    def name_of(self, phrase: str) -> str | None:
        """What is X."""
        return self.name(None, phrase)

    def exists(self, phrase: str) -> str | None:
        """Is there a PHRASE."""
        said = tokens(phrase)
        if RELATING.intersection(said):
            return None
        return _yes(any(holds(thing, said) for thing in self.here))

    def count(self, phrase: str) -> str | None:
        """How many PHRASE; how many PHRASE are ATTRIBUTE."""
        said = tokens(re.sub(r" are (?=\w+$)", " ", phrase))
        if RELATING.intersection(said):
            return None
        return str(sum(holds(thing, said) for thing in self.here))

    def setting(self, key: str, rest: str | None = None) -> str | None:
        """Is the SETTING A; is the SETTING A or B; what is the SETTING."""
        if key not in self.scene.setting:
            return None
        value = self.scene.setting[key].lower()
        if rest is None:
            return value
        options = [option.removeprefix("the ") for option in rest.split(" or ")]
        if len(options) == 1:
            return _yes(options[0] == value)
        return value if value in options else None

    def side(self, phrase: str) -> str:
        """On which side is X."""
        x, _ = self.offset(phrase)
        return "left" if x < 0 else "right"

    def on_side(self, phrase: str, first: str, second: str | None = None) -> str:
        """Is X on the left side; is X on the left or on the right side."""
        x, y = self.offset(phrase)
        sides = {
            "left" if x < 0 else "right",
            *(("top", "upper") if y < 0 else ("bottom", "lower")),
        }
        if second is None:
            return _yes(first in sides)
        found = [side for side in (first, second) if side in sides]
        if len(found) != 1:
            raise ToolError(f"oracle: {self.question!r} leaves no single choice")
        return found[0]

    def offset(self, phrase: str) -> tuple[float, float]:
        """From the region's centre to the subject's."""
        left, top, right, bottom = self.subject(phrase).box_xyxy
        x, y = self.region.center_xy
        return (left + right) / 2 - x, (top + bottom) / 2 - y

    def same(self, phrase: str, family: str) -> str:
        """Are all the PHRASE the same color."""
        said = tokens(phrase)
        things = [thing for thing in self.here if holds(thing, said)]
        if family in ("kind", "type"):
            return _yes(len({thing.name for thing in things}) <= 1)
        values = {family_value(thing, FAMILY_NAMES[family]) for thing in things}
        if None in values:
            raise ToolError(f"oracle: gold scenes do not tell what {self.question!r} asks")
        return _yes(len(values) <= 1)

    def is_a(self, phrase: str, rest: str) -> str | None:
        """Is X a NOUN; is X a NOUN or a NOUN."""
        thing = self.subject(phrase)
        options = re.split(r" or (?:an? )?", rest)
        return self.decide(thing, options)

    def is_this(self, rest: str) -> str | None:
        """Is this ATTRIBUTE; is this A or B; is this A and B."""
        return self.predicate(self.subject("this"), rest)

    def is_the(self, phrase: str) -> str | None:
        """Is the PHRASE ATTRIBUTE, and so on: the predicate is what stands at the end."""
        found = re.fullmatch(r"(.+?) (?:either |both )?(\S+) (or|and) (\S+)", phrase)
        if found:
            subject, first, word, second = found.groups()
            mark = "either " if " either " in phrase else ""
            return self.predicate(self.subject(subject), f"{mark}{first} {word} {second}")
        words = phrase.split()
        for length in (2, 1):
            said = " ".join(words[-length:])
            if len(words) > length and (length == 1 or self.knows(said)):
                return self.predicate(self.subject(" ".join(words[:-length])), said)
        return None

    def predicate(self, thing: SceneObject, rest: str) -> str | None:
        """Whether attributes are true of an object, or which of two is."""
        rest = rest.removeprefix("both ")
        if rest.startswith("either "):
            options = rest.removeprefix("either ").split(" or ")
            if not all(self.knows(option) for option in options):
                return None
            return _yes(any(holds(thing, tokens(option)) for option in options))
        if " and " in rest:
            options = rest.split(" and ")
            if not all(self.knows(option) for option in options):
                return None
            return _yes(all(holds(thing, tokens(option)) for option in options))
        options = rest.split(" or ")
        if not all(self.knows(option) for option in options):
            return None
        return self.decide(thing, options)

    def decide(self, thing: SceneObject, options: Sequence[str]) -> str:
        """Yes or no for one option; the option that is true for more."""
        true = [option for option in options if holds(thing, tokens(option))]
        if len(options) == 1:
            return _yes(bool(true))
        if len(true) != 1:
            raise ToolError(
                f"oracle: {len(true)} of the choices in {self.question!r} are true of the object"
            )
        return true[0]

    def knows(self, said: str) -> bool:
        """Whether text is an attribute or name that gold scenes can tell."""
        return is_attribute(said) or any(
            tokens(said) and holds(thing, tokens(said)) for thing in self.scene.objects
        )


def _yes(truth: bool) -> str:
    return "yes" if truth else "no"


_Handler = Callable[..., str | None]


def _form(pattern: str, handler: _Handler) -> tuple[re.Pattern[str], _Handler]:
    return re.compile(pattern), handler


_X = rf"({_THIS}|the .+?)"
_FORMS: tuple[tuple[re.Pattern[str], _Handler], ...] = (
    _form(r"(?:is|are) the (\w+) (\w+(?: or (?:the )?\w+)?)", Asked.setting),
    _form(r"(?:what|which) (?:is|are) the (\w+)", Asked.setting),
    _form(rf"(?:what|which) {_FAMILY} (?:is|are) {_X}", Asked.attribute),
    _form(rf"(?:what|which) is the {_FAMILY} of {_X}", Asked.attribute),
    _form(rf"(?:what|which) {_FAMILY} (?:does|do) {_X} have", Asked.attribute),
    _form(rf"(?:what|which) (material) is {_X} made of", Asked.attribute),
    _form(rf"how (?:big|large) (?:is|are) {_X}", Asked.bigness),
    _form(rf"(?:on )?(?:which|what) side (?:of the {_PICTURE} )?is {_X}(?: on)?", Asked.side),
    _form(
        rf"is {_X} (?:on|in|at) the {_SIDE} or (?:(?:on|in|at) )?(?:the )?{_SIDE}"
        rf"(?: of the {_PICTURE})?",
        Asked.on_side,
    ),
    _form(rf"is {_X} (?:on|in|at) the {_SIDE}(?: of the {_PICTURE})?", Asked.on_side),
    _form(
        r"(?:are|do) (?:all (?:of )?)?the (.+?) (?:all )?(?:have |of )?the same "
        r"(colou?r|size|pattern|shape|material|kind|type)",
        Asked.same,
    ),
    _form(r"(?:is|are) there (?:an? |any |some )?(.+)", Asked.exists),
    _form(r"(?:do|can) you see (?:an? |any |some )?(.+)", Asked.exists),
    _form(r"how many (.+?)(?: are there| do you see| can you see| are)?", Asked.count),
    _form(
        rf"(?:what|which) (?:(?:kind|type|sort) of )?(.+?) (?:is|are) {_X}",
        Asked.name,
    ),
    _form(rf"(?:what|who) (?:is|are) {_X}(?: called)?", Asked.name_of),
    _form(
        r"(?:what|which) (?:(?:kind|type|sort) of )?(.+?) (?:is|are|do you see|is there)()",
        lambda asked, kind, _: asked.name(kind, None),
    ),
    _form(rf"is {_X} (?:either )?an? (.+)", Asked.is_a),
    _form(rf"(?:is|are|does|do) {_THIS} (?:look |appear )?(.+)", Asked.is_this),
    _form(
        r"(?:is|are|does|do) the (.+)",
        lambda asked, rest: asked.is_the(re.sub(r" (?:look|appear) ", " ", rest)),
    ),
)
