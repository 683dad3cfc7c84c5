"""ShapeWorld's semantic trees as programs of both languages.

A tree (``caption_model.json``) is first turned into a plan: a list of operations on lists of boxes,
each made once, and a condition over their counts. The plan is then written out in ``steps`` or in
``python``. Nodes: EntityType, Existential, Quantifier (count, ratio), Proposition, Relation
(attribute, type, x-, y-, z-, size-, shade-, shape-, color-, proximity-rel), Selector (unique; x-,
y-, size-, shade-, proximity-max and -two). Anything else is an error that names it.

Sizes, shades and depth are beliefs of the tool match in graded words ("large", "dark", "front").
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from vprog.errors import InputError, known_names

Node: TypeAlias = Mapping[str, Any]
"""One node of a semantic tree, as JSON."""

SHAPES = (
    "square",
    "rectangle",
    "triangle",
    "pentagon",
    "cross",
    "circle",
    "semicircle",
    "ellipse",
)
COLORS = ("red", "green", "blue", "yellow", "magenta", "cyan", "gray")
FAMILIES = {"shape": SHAPES, "color": COLORS}
"""Attribute family -> its values."""

_SIDES = {("x", -1): "left", ("x", 1): "right", ("y", -1): "above", ("y", 1): "below"}
_GRADES = {
    ("size", 1): "large",
    ("size", -1): "small",
    ("shade", 1): "light",
    ("shade", -1): "dark",
    ("z", 1): "front",
    ("z", -1): "behind",
}
_KIND_OF_GRADE = {"size": "shape", "shade": "color"}
_COMPARE = {"lt": "<", "leq": "<=", "eq": "==", "neq": "!=", "geq": ">=", "gt": ">"}
_RATIO_TOLERANCE = 0.01


@dataclass(frozen=True, slots=True)
class Op:
    """One operation of a plan: a name, the numbers of the operations it works on, its settings."""

    name: str
    inputs: tuple[int, ...] = ()
    settings: tuple[Any, ...] = ()


@dataclass(slots=True)
class Plan:
    """What a caption asks.

    Attributes:
        ops: Operations whose results are lists of boxes.
        counted: Numbers of the operations whose results are counted, each once.
        condition: Expression over ``{i}``, the count of operation i, true if the caption is.
    """

    ops: list[Op] = field(default_factory=list)
    counted: list[int] = field(default_factory=list)
    condition: str = ""

    def add(self, name: str, *inputs: int, settings: tuple[Any, ...] = ()) -> int:
        """The number of an operation; equal operations are made once."""
        op = Op(name, inputs, settings)
        if op not in self.ops:
            self.ops.append(op)
        return self.ops.index(op)

    def count(self, op: int) -> str:
        """The count of an operation's boxes, for use in the condition."""
        if op not in self.counted:
            self.counted.append(op)
        return f"{{{op}}}"


def plan_caption(tree: Node) -> Plan:
    """The plan of a caption's semantic tree.

    Raises:
        InputError: A node, predicate or value that is not known.
    """
    plan = Plan()
    plan.condition = _truth(tree, plan)
    return plan


def _get(node: Node, key: str) -> Any:
    if not isinstance(node, Mapping) or key not in node:
        raise InputError(f"a node of the semantic tree has no {key!r}: {str(node)[:200]}")
    return node[key]


def _unknown(what: str, name: object, known: tuple[str, ...]) -> InputError:
    return InputError(
        f"unknown {what} {name!r} in the semantic tree. {known_names(str(name), known)}"
    )


def _truth(node: Node, plan: Plan) -> str:
    component = _get(node, "component")
    if component in ("EntityType", "Selector"):
        return f"{plan.count(_boxes(node, plan))} > 0"
    if component == "Existential":
        found = _related(_get(node, "body"), _get(node, "restrictor"), plan)
        return f"{plan.count(found)} > 0"
    if component == "Quantifier":
        return _quantity(node, plan)
    if component == "Proposition":
        return _combined(node, plan)
    known = ("EntityType", "Selector", "Existential", "Quantifier", "Proposition")
    raise _unknown("component", component, known)


def _combined(node: Node, plan: Plan) -> str:
    kind = _get(node, "proptype")
    clauses = [_truth(clause, plan) for clause in _get(node, "clauses")]
    if kind == "conjunction" and clauses:
        return " and ".join(f"({c})" for c in clauses)
    if kind == "disjunction" and clauses:
        return " or ".join(f"({c})" for c in clauses)
    known = ("conjunction", "disjunction", "implication", "equivalence", "exclusive-disjunction")
    if kind not in known:
        raise _unknown("proposition", kind, known)
    if len(clauses) != 2:
        raise InputError(f"a proposition {kind!r} takes two clauses, found {len(clauses)}")
    if kind == "implication":  # "A if B" and "if B A" are both written [A, B]
        return f"({clauses[0]}) or not ({clauses[1]})"
    return f"({clauses[0]}) {'==' if kind == 'equivalence' else '!='} ({clauses[1]})"


def _quantity(node: Node, plan: Plan) -> str:
    kind, order, quantity = (_get(node, key) for key in ("qtype", "qrange", "quantity"))
    if kind not in ("count", "ratio"):
        raise _unknown("quantifier", kind, ("count", "ratio"))
    if order not in _COMPARE:
        raise _unknown("range", order, tuple(_COMPARE))
    found = plan.count(_related(_get(node, "body"), _get(node, "restrictor"), plan))
    if kind == "count":
        if quantity >= 0:
            return f"{found} {_COMPARE[order]} {quantity}"
        every = plan.count(_boxes(_get(node, "restrictor"), plan))  # -1 is all, -2 all but one
        return f"{found} {_COMPARE[order]} {every} - {-quantity - 1}"
    every = plan.count(_boxes(_get(node, "restrictor"), plan))
    share = f"{found} / max({every}, 1)"
    if order in ("eq", "neq") and quantity % 1:
        near = "<" if order == "eq" else ">="
        return f"abs({share} - {quantity}) {near} {_RATIO_TOLERANCE}"
    return f"{share} {_COMPARE[order]} {quantity}"


def _attributes(node: Node) -> list[tuple[str, str]]:
    """Family and value of each attribute of an EntityType."""
    found = []
    for attribute in _get(node, "value"):
        family, value = _get(attribute, "predtype"), _get(attribute, "value")
        if family not in FAMILIES:
            raise _unknown("attribute", family, tuple(FAMILIES))
        if value not in FAMILIES[family]:
            raise _unknown(family, value, FAMILIES[family])
        found.append((family, value))
    return found


def _find(attributes: list[tuple[str, str]], plan: Plan) -> int:
    """Boxes with all attributes: one look, or several where two of a family contradict."""
    chosen: dict[str, str] = {}
    extra = []
    for family, value in attributes:
        if chosen.setdefault(family, value) != value:
            extra.append((family, value))
    phrase = " ".join(w for w in (chosen.get("color"), chosen.get("shape", "shape")) if w)
    found = plan.add("find", settings=(phrase,))
    for item in extra:
        found = plan.add("among", found, _find([item], plan))
    return found


def _boxes(node: Node, plan: Plan) -> int:
    """The boxes that a noun phrase names."""
    component = _get(node, "component")
    if component == "EntityType":
        return _find(_attributes(node), plan)
    if component != "Selector":
        raise _unknown("noun phrase", component, ("EntityType", "Selector"))
    predicate = _get(node, "predtype")
    scope = _boxes(_get(node, "scope"), plan)
    if predicate == "unique":
        return plan.add("only", scope, settings=(1,))
    what, _, form = predicate.partition("-")
    known = ("x", "y", "size", "shade", "proximity")
    if what not in known or form not in ("two", "max"):
        names = tuple(f"{k}-{f}" for k in known for f in ("two", "max"))
        raise _unknown("selector", predicate, ("unique", *names))
    if form == "two":
        scope = plan.add("only", scope, settings=(2,))
    value = _get(node, "value")
    if what == "proximity":
        landmark = _boxes(_get(node, "comparison"), plan)
        return plan.add("nearer", scope, landmark, scope, settings=(value > 0,))
    if (what, value) in _SIDES:
        return plan.add("extreme", scope, settings=(_SIDES[what, value],))
    return plan.add("top", scope, settings=(_KIND_OF_GRADE[what], _GRADES[what, value]))


def _related(relation: Node, subject: Node, plan: Plan) -> int:
    """The boxes of a noun phrase of which a predicate holds."""
    if _get(relation, "component") != "Relation":
        raise _unknown("predicate", _get(relation, "component"), ("Relation",))
    predicate, value = _get(relation, "predtype"), _get(relation, "value")
    if predicate in ("attribute", "type"):
        said = {"value": [value]} if predicate == "attribute" else value
        attributes = _attributes(said)
        if _get(subject, "component") == "EntityType":
            return _find([*_attributes(subject), *attributes], plan)
        return plan.add("among", _boxes(subject, plan), _find(attributes, plan))
    what, _, form = predicate.partition("-")
    known = ("x", "y", "z", "size", "shade", "shape", "color", "proximity")
    if what not in known or form != "rel":
        names = tuple(f"{k}-rel" for k in known)
        raise _unknown("relation", predicate, ("attribute", "type", *names))
    boxes = _boxes(subject, plan)
    others = _boxes(_get(relation, "reference"), plan)
    if what == "proximity":  # |box - reference| against |comparison - reference|
        than = _boxes(_get(relation, "comparison"), plan)
        return plan.add("nearer", boxes, than, others, settings=(value > 0,))
    if what in FAMILIES:
        return plan.add("like", boxes, others, settings=(what, value > 0))
    if (what, value) in _SIDES:
        return plan.add("beside", boxes, others, settings=(_SIDES[what, value],))
    return plan.add("outranking", boxes, others, settings=(_GRADES[what, value], what == "z"))


def steps_program(plan: Plan) -> str:
    """The plan in the language ``steps``."""
    lines: list[str] = []
    names: dict[int, str] = {}
    made: dict[str, str] = {}

    def emit(call: str) -> str:
        if call not in made:
            made[call] = f"BOX{len(made)}"
            lines.append(f"{made[call]}={call}")
        return made[call]

    def classified(boxes: str, options: tuple[str, ...]) -> str:
        listed = ",".join(f"'{option}'" for option in options)
        return emit(f"CLASSIFY(image=IMAGE,object={boxes},categories=[{listed}])")

    for number, op in enumerate(plan.ops):
        inputs = [names[i] for i in op.inputs]
        names[number] = emit(_step(op, inputs, classified))
    for i, number in enumerate(plan.counted):
        lines.append(f"COUNT{i}=COUNT(box={names[number]})")
    counts = {str(number): f"{{COUNT{i}}}" for i, number in enumerate(plan.counted)}
    lines.append(f'ANSWER0=EVAL(expr="{_filled(plan.condition, counts)}")')
    lines.append("FINAL_RESULT=RESULT(var=ANSWER0)")
    return "\n".join(lines)


def _filled(condition: str, counts: Mapping[str, str]) -> str:
    for number, text in counts.items():
        condition = condition.replace(f"{{{number}}}", text)
    return condition


def _step(op: Op, inputs: list[str], classified: Any) -> str:
    """The call of one operation in ``steps``; ``classified`` labels and scores boxes before it."""
    if op.name == "find":
        return f"LOC(image=IMAGE,object='{op.settings[0]}')"
    if op.name == "among":
        return f"AMONG(boxes={inputs[0]},others={inputs[1]})"
    if op.name == "only":
        return f"ONLY(boxes={inputs[0]},count={op.settings[0]})"
    if op.name == "extreme":
        return f"EXTREME(boxes={inputs[0]},side='{op.settings[0]}')"
    if op.name == "beside":
        return f"BESIDE(boxes={inputs[0]},others={inputs[1]},side='{op.settings[0]}')"
    if op.name == "nearer":
        farther = ",farther=True" if op.settings[0] else ""
        return f"NEARER(boxes={inputs[0]},than={inputs[1]},places={inputs[2]}{farther})"
    if op.name == "outranking":
        word, overlap = op.settings
        boxes, others = (classified(name, (word,)) for name in inputs)
        return f"OUTRANKING(boxes={boxes},others={others}{',overlap=True' if overlap else ''})"
    if op.name == "top":
        family, word = op.settings
        boxes, kinds = classified(inputs[0], (word,)), classified(inputs[0], FAMILIES[family])
        return f"TOP(boxes={boxes},kinds={kinds})"
    assert op.name == "like", op.name
    family, same = op.settings
    boxes, others = (classified(name, FAMILIES[family]) for name in inputs)
    return f"LIKE(boxes={boxes},others={others}{'' if same else ',same=False'})"


def python_program(plan: Plan) -> str:
    """The plan in the language ``python``."""
    lines = ["def execute_command(image):"]
    names: dict[int, str] = {}
    used: Counter[str] = Counter()
    listed: dict[str, str] = {}
    for number, op in enumerate(plan.ops):
        stem = _STEMS.get(op.name) or op.settings[0].replace(" ", "_") + "_patches"
        used[stem] += 1
        names[number] = stem if used[stem] == 1 else f"{stem}_{used[stem]}"
        if op.name in ("like", "top") and op.settings[0] not in listed:
            family = op.settings[0]
            listed[family] = f"{family}_names"
            quoted = ", ".join(f'"{value}"' for value in FAMILIES[family])
            lines.append(f"    {listed[family]} = [{quoted}]")
        lines += _statements(op, names[number], [names[i] for i in op.inputs], listed)
    counts = {str(number): f"len({names[number]})" for number in plan.counted}
    lines.append(f"    return bool_to_yesno({_filled(plan.condition, counts)})")
    return "\n".join(lines)


_STEMS = {
    "among": "matching",
    "only": "the_only",
    "extreme": "extreme_one",
    "beside": "beside_it",
    "nearer": "nearer_ones",
    "outranking": "outranking_ones",
    "top": "top_ones",
    "like": "alike",
}


def _statements(op: Op, name: str, inputs: list[str], listed: Mapping[str, str]) -> list[str]:
    """The lines of one operation in ``python``."""
    if op.name == "find":
        return [f'    {name} = image.find("{op.settings[0]}")']
    if op.name in ("among", "only", "extreme", "beside", "nearer"):
        setting = {"only": "count", "extreme": "side", "beside": "side", "nearer": "farther"}
        arguments = list(inputs)
        if op.name in setting and op.settings[0] is not False:
            value = op.settings[0]
            shown = f'"{value}"' if isinstance(value, str) else value
            arguments.append(f"{setting[op.name]}={shown}")
        return [f"    {name} = {op.name}({', '.join(arguments)})"]
    if op.name == "outranking":
        word, overlap = op.settings
        others = f"overlapping({inputs[1]}, [a])" if overlap else inputs[1]
        test = f'best_image_match([b, a], "{word}") is a'
        return [f"    {name} = [a for a in {inputs[0]} if any([{test} for b in {others}])]"]
    options = listed[op.settings[0]]
    if op.name == "like":
        sign = "==" if op.settings[1] else "!="
        test = f"a.best_text_match({options}) {sign} b.best_text_match({options})"
        others = f"[b for b in {inputs[1]} if distance(a, b) > -1]"
        return [f"    {name} = [a for a in {inputs[0]} if any([{test} for b in {others}])]"]
    assert op.name == "top", op.name
    boxes, word = inputs[0], op.settings[1]
    return [
        f"    {name} = []",
        f"    kinds = [a.best_text_match({options}) for a in {boxes}]",
        "    for kind in set(kinds):",
        f"        rivals = [a for a, k in zip({boxes}, kinds) if k == kind]",
        "        if len(rivals) > 1:",
        f'            {name}.append(best_image_match(rivals, "{word}"))',
    ]
