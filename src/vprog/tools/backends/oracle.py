"""oracle: answers for detect, vqa, match and depth from the gold scenes of pictures.

It makes a gold program's answer a proof: where program and oracle disagree with the label, the
question, the program or the engine is wrong. It also is the upper bound of every tool.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from vprog.errors import ToolError
from vprog.example import Picture, Region, SceneObject
from vprog.tools.backend import GOLD
from vprog.tools.backends.oracle_questions import Asked
from vprog.tools.backends.oracle_regions import main_object, objects_in
from vprog.tools.backends.oracle_words import holding_share, holds, tokens
from vprog.trace import Call, Result


class Oracle:
    """Answers from ``Picture.scene``.

    **Region.** An object belongs to a region if its centre lies inside, at least half a pixel from
    the edges, so that a part cut at an object's centre does not hold that object. The *main*
    object of a region is the one whose box agrees best (by intersection over union) with the
    region, or with the region shrunk by the factor by which CROP enlarges.

    **Phrases** are articles, attributes, a kind or hypernym in any order, singular or plural
    (``the small red cats``, ``pieces of furniture``, ``animal that is striped``, ``clothing that
    is not white``). ``object``, ``thing``, ``item``, ``shape``, ``figure`` and ``one`` are true of
    everything. A word that is not true of an object makes the phrase false of it; a scene cannot
    know all words, so unknown words are not errors: they match nothing.

    - ``detect``: every object of the region of which the whole phrase is true, in the order of
      the scene.
    - ``match``: 1.0 if every word is true of the region's main object, else 0.49 times the
      share of words that are; 0.0 where the region holds no object. An attribute written
      ``word=0.63`` is a graded one: the belief in the option ``word`` is that number.
    - ``depth``: that of the main object.
    - ``vqa``: these questions, with ``this`` or ``the PHRASE`` as X (the main object among
      those of which the phrase is true), "in the picture" being optional:
      what is X / what (kind of) PHRASE is X / what color, size, pattern, shape, material is X /
      how big is X / is X ATTRIBUTE / is X a NOUN / is X A or B / is X either A or B /
      is X A and B /
      is there a PHRASE / how many PHRASE are there / how many PHRASE are ATTRIBUTE /
      on which side of the picture is X / is X on the left (or right) side / are all the PHRASE the
      same color / is the SETTING A (or B) / what is the SETTING, for the keys of ``Scene.setting``.

    In a question, too, a word that the scene does not hold is taken for the name of something
    absent. A question of another form, about a relation between objects, or about an object that
    is not there is a ``ToolError`` that names it: the oracle never guesses.
    """

    def __init__(self, batch_size: int = 1024) -> None:
        """Sets the most calls that are answered at once; it changes no answer."""
        self._batch_size = batch_size

    @property
    def fingerprint(self) -> str:
        """Version of the rules."""
        return f"oracle/1 of {GOLD}"

    @property
    def batch_size(self) -> int:
        """See ``Backend``."""
        return self._batch_size

    def answer(
        self, calls: Sequence[Call], pictures: Mapping[str, Picture]
    ) -> list[Result | ToolError]:
        """See ``Backend``; each call stands alone."""
        answers: list[Result | ToolError] = []
        for call in calls:
            try:
                answers.append(_answer(call, pictures))
            except ToolError as error:
                answers.append(error)
        return answers


def _answer(call: Call, pictures: Mapping[str, Picture]) -> Result:
    region = call.args["image"]
    assert isinstance(region, Region)
    scene = pictures[region.picture].scene
    if scene is None:
        raise ToolError(
            f"oracle: picture {region.picture!r} has no gold scene. Use a benchmark that has "
            "scenes, or a toolbox with models"
        )
    here = objects_in(scene, region)
    match call.tool:
        case "detect":
            phrase = call.args["phrase"]
            assert isinstance(phrase, str)
            said = tokens(phrase)
            return Result(
                [Region(region.picture, *o.box_xyxy, phrase) for o in here if holds(o, said)]
            )
        case "vqa":
            question = call.args["question"]
            assert isinstance(question, str)
            return Result(Asked(question, region, scene, here).reply())
        case "match":
            options = call.args["options"]
            assert isinstance(options, list)
            main = main_object(here, region)
            return Result([_belief(main, str(option)) for option in options])
        case "depth":
            main = main_object(here, region)
            if main is None:
                raise ToolError("oracle: no object whose depth could be told in this region")
            return Result(main.depth)
        case other:
            raise ToolError(f"oracle answers detect, vqa, match and depth, not {other!r}")


def _belief(main: SceneObject | None, option: str) -> float:
    if main is None:
        return 0.0
    graded = f"{option.strip().lower()}="
    for attribute in main.attributes:
        if attribute.startswith(graded):
            return float(attribute.removeprefix(graded))
    share = holding_share(main, tokens(option))
    return 1.0 if share == 1 else 0.49 * share
