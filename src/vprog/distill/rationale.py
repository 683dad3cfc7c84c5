"""Rationales: a verified trace told in the sentences of its tools.

VPD has a language model rewrite program and trace (Hu et al., CVPR 2024, section 3.1, step 4).
Here the tools' own sentences are put together, so that a rationale says nothing that the trace
does not hold::

    large green bottle : 1 at [2 0 9 12] . right of [2 0 9 12] bag : none . so the answer is 0 .
    [3 4 9 12] what color is it ? blue . so the answer is blue .
    left picture red boat : 1 at [19 12 25 18] . right picture red boat : none . so the answer ...

A sentence is ``PLACE WORDS : VALUE .``. PLACE is nothing for all of a single picture, ``left
picture`` or ``right picture`` where there are two, a half, a box, or ``left of`` (``right of``,
``above``, ``below``) a box. A crop around a box is told as that box. Counting, cropping and naming
the result are no sentences; an EVAL over several values is (``1 equals 2 : no .``), and so is a
filter of a ``python`` program (``red ball : 1 at [3 4 9 12] .``; ``among [3 4 9 12] and [20 1 25 7]
large ball : none .`` where it saw a part of what was found).
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from vprog.distill.live import is_part, live_steps
from vprog.distill.settings import RationaleSettings
from vprog.distill.wording import Speaker, plain, words
from vprog.distill.working import working
from vprog.errors import InputError
from vprog.example import Example, Region
from vprog.tools.catalogue import MODULES, TOOLS
from vprog.tools.match import HOLDS
from vprog.tools.tool import Tool
from vprog.trace import Step, Trace, Value
from vprog.verify import answer_text

CLOSING = "so the answer is"
"""How the last sentence of every rationale begins."""

_FIELD = re.compile(r"\{(\w+)\}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Rationale:
    """An explanation with what it rests on.

    Attributes:
        text: One line.
        answer: In which it ends, as words.
        boxes: Every region whose box the text names, in order, in pixels of its picture.
        steps: Indices of the steps of the trace that it tells.
    """

    text: str
    answer: str
    boxes: tuple[Region, ...] = ()
    steps: tuple[int, ...] = field(default=())


def closing(answer: str) -> str:
    """The last sentence, of an answer in words."""
    return f"{CLOSING} {answer} ."


def render(
    trace: Trace,
    example: Example,
    settings: RationaleSettings = RationaleSettings(),  # noqa: B008
    *,
    answer: str | None = None,
    tools: Mapping[str, Tool] = TOOLS,
) -> Rationale:
    """Tells a trace.

    Args:
        trace: Of a program that ended with an answer.
        example: Its example.
        settings: Grid of the boxes and more.
        answer: In which it shall end, such as the label that it was verified by; None is the
            program's own.
        tools: Those of the run by name, for their sentences; benchmarks add their own.

    Raises:
        InputError: The program failed.
        PictureError: A picture cannot be read.
    """
    if trace.failure is not None:
        raise InputError(
            f"the program of example {trace.example_id!r} failed ({trace.failure.message}); only "
            "programs that end with an answer have a rationale"
        )
    speaker = Speaker.of(example, settings.grid, settings.most_boxes)
    teller = _Teller(trace, speaker, tools)
    sentences = [f"{words(example.question)} ."] if settings.repeat_question else []
    sentences += [f"{sentence} ." for sentence in teller.tell()]
    ending = words(answer) if answer is not None else _answer(trace.answer, speaker)
    sentences.append(closing(ending))
    return Rationale(
        text=" ".join(sentences),
        answer=ending,
        boxes=tuple(speaker.said),
        steps=tuple(sorted(teller.told)),
    )


def _answer(value: Value, speaker: Speaker) -> str:
    if isinstance(value, Region):
        return speaker.image(value) or "the picture"
    if isinstance(value, list) and value and all(isinstance(v, Region) for v in value):
        return speaker.boxes([v for v in value if isinstance(v, Region)], "")
    return plain(answer_text(value))


class _Teller:
    """Goes through a trace once."""

    def __init__(self, trace: Trace, speaker: Speaker, tools: Mapping[str, Tool]) -> None:
        self._trace = trace
        self._speaker = speaker
        self._tools = tools
        self.told: set[int] = set()

    def tell(self) -> list[str]:
        """The sentences, without the last one and without points."""
        steps, live = self._trace.steps, live_steps(self._trace)
        sentences: list[str] = []
        for index in live:
            step = steps[index]
            if index in self.told or is_part(self._trace, index):
                continue
            self._learn(step)
            group = self._group(index, live)
            self.told.update(group)
            sentence = self._group_sentence(group) if len(group) > 1 else self._sentence(step)
            if sentence:
                sentences.append(sentence)
            else:
                self.told.discard(index)
        return list(dict.fromkeys(sentences))

    def _learn(self, step: Step) -> None:
        """Keeps how regions were cut, and how large edited pictures are."""
        value = step.value
        if not isinstance(value, Region):
            return
        if value.picture not in self._speaker.sizes:
            self._speaker.sizes[value.picture] = (value.right, value.bottom)
        image, box = step.args.get("image"), step.args.get("box")
        if step.module.startswith("CROP") and isinstance(image, Region) and isinstance(box, list):
            regions = [b for b in box if isinstance(b, Region)]
            self._speaker.cut(step.module, image, regions, value)

    def _group(self, index: int, live: Sequence[int]) -> list[int]:
        """A step and those after it that ask the same of other regions (a filter, a contest)."""
        steps = self._trace.steps
        first = steps[index]
        group = [index]
        if first.module not in ("verify_property", "best_image_match"):
            return group
        for other in live[live.index(index) + 1 :]:
            step = steps[other]
            if step.tool != "match":
                break
            same = step.module == first.module and step.args["options"] == first.args["options"]
            if same and other not in self.told:
                group.append(other)
        return group

    def _group_sentence(self, group: Sequence[int]) -> str:
        """``red ball : 1 at [...]`` of a filter, ``best red ball : 1 at [...]`` of a contest."""
        steps = [self._trace.steps[n] for n in group]
        options = " or ".join(words(str(o)) for o in _list(steps[0].args["options"]))
        beliefs = [sum(float(b) for b in _list(s.value)) for s in steps]
        regions = [r for s in steps if isinstance(r := s.args["image"], Region)]
        among = self._among(regions, group[0])
        if steps[0].module == "best_image_match":
            regions = [regions[beliefs.index(max(beliefs))]]
            options = f"best {options}"
        else:
            regions = [r for r, b in zip(regions, beliefs, strict=True) if b >= HOLDS]
        pictures = {r.picture for s in steps if isinstance(r := s.args["image"], Region)}
        here = pictures.pop() if len(pictures) == 1 else ""
        name = self._speaker.name(here) if here else ""
        parts = (name, among, options, ":", self._speaker.boxes(regions, here))
        return " ".join(filter(None, parts))

    def _among(self, regions: Sequence[Region], before: int) -> str:
        """Says of which boxes a filter chose, unless they are all that a tool found for a phrase.

        ``large chair : 1 at [...]`` would be false where the filter saw red chairs alone.
        """
        seen = {region[:5] for region in regions}
        for step in self._trace.steps[:before]:
            found = step.value if step.tool == "detect" and isinstance(step.value, list) else []
            if seen == {r[:5] for r in found if isinstance(r, Region)}:
                return ""
        return f"among {' and '.join(map(self._speaker.box, regions))}"

    def _sentence(self, step: Step) -> str:
        args, value = dict(step.args), step.value
        if step.module == "EVAL":
            return working(args, value)
        module = MODULES.get(step.module)
        name = step.tool or step.module.lower()
        tool = self._tools.get(name)
        template = tool.sentence if tool is not None else ""
        if module is not None and module.sentence:
            template = module.sentence
        elif module is not None and step.tool is None:
            return ""
        elif tool is not None and tool.outcome is not None:
            value = tool.outcome(step.args, value)
        if not template:
            template = _template(name, args)
        here = next((p for v in args.values() if (p := _picture(v))), "")
        labelled = step.module in ("SEG", "CLASSIFY")
        parts = {
            field: self._value(value, here, labelled)
            if field == "value"
            else self._argument(args.get(field), here)
            for field in _FIELD.findall(template)
        }
        return " ".join(_FIELD.sub(lambda m: parts[m[1]], template).split())

    def _argument(self, value: Value, here: str) -> str:
        if isinstance(value, Region):
            return self._speaker.image(value)
        if isinstance(value, list) and value:
            if all(isinstance(v, Region) for v in value):
                return " and ".join(
                    " ".join(filter(None, (self._named(v, here), self._speaker.box(v))))
                    for v in value
                    if isinstance(v, Region)
                )
            return " or ".join(map(plain, value))
        return plain(value)

    def _value(self, value: Value, here: str, labelled: bool) -> str:
        if isinstance(value, Region):
            return self._speaker.image(value) or "the picture"
        if isinstance(value, list) and all(isinstance(v, Region) for v in value):
            regions = [v for v in value if isinstance(v, Region)]
            return self._speaker.boxes(regions, here, labelled=labelled)
        return plain(value)

    def _named(self, region: Region, here: str) -> str:
        return "" if region.picture == here else self._speaker.name(region.picture)


def _template(name: str, args: Mapping[str, Value]) -> str:
    """The sentence of a tool that has none: its name, its arguments, the value."""
    fields = " ".join(f"{{{key}}}" for key, value in args.items() if _tells(value))
    return f"{words(name.replace('_', ' '))} {fields} : {{value}}"


def _tells(value: Value) -> bool:
    return value is not None and value != "" and value != []


def _picture(value: Value) -> str:
    """The id of the picture that an argument is about, "" if it is about none."""
    if isinstance(value, list) and value:
        value = value[0]
    return value.picture if isinstance(value, Region) else ""


def _list(value: Value) -> list[Any]:
    assert isinstance(value, list)
    return value
