"""EVAL: a small expression over the values of earlier steps, never executed as code.

``{NAME}`` stands for the *value* of a variable: text that a model produced stays text whatever it
says. Allowed are literals, arithmetic, comparison, and / or / xor / not, ``a if c else b``, lists,
indexing and a few functions. "yes" and "no" count as booleans, and numbers written as text equal
numbers (VisProg's EVAL did the first by pasting text into code). In quoted text ``{NAME}`` is the
value as text: ``'there are {N} cups'``.
"""

from __future__ import annotations

import ast
import math
import operator
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache, partial
from typing import Any

from vprog.errors import ProgramError, known_names
from vprog.example import Region
from vprog.tools.expression_text import JOIN, PREFIX, XOR, substitute
from vprog.tools.module import Args, Module, Pictures
from vprog.tools.tool import MAX_NUMBER, Param, describe
from vprog.trace import Result, Value

MAX_TEXT = 10_000
"""Longest expression, and longest text that it may build."""
MAX_ITEMS = 1_000
"""Longest list that an expression may build: one of 10,000 characters can search it often."""
MAX_ENTRIES = 100_000
"""Most entries and characters in all levels of a nested list."""
MAX_READ = 1_000_000
"""Most entries and characters of lists that one evaluation reads, each time that it reads them."""
MAX_DEPTH = 16
"""Most levels of a nested list."""

FUNCTIONS: Mapping[str, Callable[..., Any]] = {
    "len": len,
    "int": lambda v: int(_number(v)),
    "float": lambda v: float(_number(v)),
    "str": lambda v: as_text(v),
    "bool": lambda v: truth(v),
    "abs": lambda v: abs(_number(v)),
    "min": lambda *v: min(_numbers(v)),
    "max": lambda *v: max(_numbers(v)),
    "round": lambda v, digits=0: _round(_number(v), int(_number(digits))),
    "sum": lambda v: sum(_numbers((v,))),
    "any": lambda v: any(truth(x) for x in v),
    "all": lambda v: all(truth(x) for x in v),
    "sorted": lambda v: sorted(v),
}
METHODS: Mapping[str, Callable[..., Any]] = {
    "lower": lambda v: as_text(v).lower(),
    "upper": lambda v: as_text(v).upper(),
    "strip": lambda v: as_text(v).strip(),
    "title": lambda v: as_text(v).title(),
    "startswith": lambda v, words: _has_edge(str.startswith, v, words),
    "endswith": lambda v, words: _has_edge(str.endswith, v, words),
}
_WITH_WORDS = ("startswith", "endswith")
"""Methods that take an argument: a text, or a list of which any will do."""


class _Values(dict[str, Value]):
    """The variables' values in one evaluation, and how much of lists it has read."""

    read = 0


Compute = Callable[[_Values], Any]
"""A part of an expression as a function of the variables' values."""


@dataclass(frozen=True, slots=True)
class Expression:
    """A parsed expression.

    Attributes:
        variables: Names between braces, in order of appearance, each once.
        compute: From values of the variables to the value of the expression.
    """

    variables: tuple[str, ...]
    compute: Compute


@lru_cache(maxsize=4096)
def parse_expression(text: str) -> Expression:
    """Parses and checks an expression.

    Raises:
        ProgramError: kind ``syntax`` or ``name``: what is wrong and what is allowed.
    """
    if len(text) > MAX_TEXT:
        raise ProgramError("syntax", f"expression of {len(text)} characters; at most {MAX_TEXT}")
    for taken in (XOR, JOIN):
        if taken in text:
            raise ProgramError("syntax", f"EVAL: the name {taken} is taken")
    source, variables = substitute(text)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            tree = ast.parse(source.strip(), mode="eval").body
        _check(tree, frozenset([*(PREFIX + v for v in variables), XOR, "yes", "no"]))
    except (SyntaxError, ValueError, MemoryError, RecursionError) as error:
        reason = error.msg if isinstance(error, SyntaxError) else "too deeply nested or malformed"
        shown = text if len(text) < 60 else text[:57] + "..."
        raise ProgramError("syntax", f"EVAL cannot read {shown!r}: {reason}") from None
    return Expression(tuple(dict.fromkeys(variables)), _compile(tree))


_OPERATORS: Mapping[type[ast.operator], Callable[[Any, Any], Any]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
    ast.FloorDiv: operator.floordiv,
    ast.Mod: operator.mod,
}
_BITS: Mapping[type[ast.operator], tuple[str, Callable[[Any, Any], Any]]] = {
    ast.BitAnd: ("&", operator.and_),
    ast.BitOr: ("|", operator.or_),
    ast.BitXor: ("^", operator.xor),
}
"""Operators between truth values: VisProg's programs have them in place of and, or, xor."""
_ORDER: Mapping[type[ast.cmpop], Callable[[Any, Any], Any]] = {
    ast.Lt: operator.lt,
    ast.LtE: operator.le,
    ast.Gt: operator.gt,
    ast.GtE: operator.ge,
}
_ALLOWED = (
    "variables in braces, numbers, quoted text, + - * / // %, comparisons, in, and, or, xor, not, "
    "& | ^ between yes and no, "
    f"'a if c else b', lists, indexing, {', '.join(FUNCTIONS)}"
)


def _check(node: ast.AST, known: frozenset[str], depth: int = 0) -> None:
    if depth > 50:
        raise ValueError("too deep")
    match node:
        case ast.BoolOp(values=children) | ast.List(elts=children) | ast.Tuple(elts=children):
            pass
        case ast.UnaryOp(op=ast.Not() | ast.USub() | ast.UAdd(), operand=child):
            children = [child]
        case ast.BinOp(left=left, op=op, right=right) if type(op) in _OPERATORS:
            children = [left, right]
        case ast.BinOp(left=left, op=op, right=right) if type(op) in _BITS:
            _check_bits(_BITS[type(op)][0], (left, right))
            children = [left, right]
        case ast.Compare(left=left, comparators=others):
            children = [left, *others]
        case ast.IfExp(test=test, body=body, orelse=orelse):
            children = [test, body, orelse]
        case ast.Subscript(value=value, slice=ast.expr() as index) if not isinstance(
            index, ast.Slice
        ):
            children = [value, index]
        case ast.Constant(value=bool() | int() | float() | str() | None as value):
            _bounded(value)
            children = []
        case ast.Name(id=name):
            if name not in known:
                raise ProgramError(
                    "name",
                    f"EVAL does not know {name!r}; variables stand in braces, as in {{{name}}}, "
                    "and text in quotes",
                )
            children = []
        case ast.Call(func=ast.Name(id=name), args=children, keywords=[]):
            if name not in FUNCTIONS and name != JOIN:
                raise ProgramError(
                    "name", f"EVAL has no function {name!r}. {known_names(name, FUNCTIONS)}"
                )
        case ast.Call(func=ast.Attribute(value=value, attr=name), args=words, keywords=[]):
            _check_method(name, words)
            children = [value, *words]
        case _:
            raise ProgramError(
                "syntax", f"EVAL does not allow {type(node).__name__}; allowed are {_ALLOWED}"
            )
    for child in children:
        _check(child, known, depth + 1)


def _check_bits(sign: str, operands: Sequence[ast.expr]) -> None:
    """Refuses numbers and words beside & | ^: they are those of a comparison without brackets."""
    for operand in operands:
        if isinstance(operand, ast.Constant) and not isinstance(_plain(operand.value), bool):
            raise ProgramError(
                "syntax",
                f"EVAL: {sign} stands between yes and no, found {describe(operand.value)}; put "
                f"comparisons into brackets; allowed are {_ALLOWED}",
            )


def _check_method(name: str, words: Sequence[ast.expr]) -> None:
    if name not in METHODS:
        raise ProgramError("name", f"EVAL has no method {name!r}. {known_names(name, METHODS)}")
    wanted = int(name in _WITH_WORDS)
    if len(words) != wanted:
        raise ProgramError(
            "syntax", f"EVAL: {name} takes {wanted or 'no'} argument{'s' * (1 - wanted)}"
        )


def truth(value: Any) -> bool:
    """Whether a value counts as true; "no", "false", "0" and "none" do not."""
    if isinstance(value, str):
        return value.strip().lower() not in ("", "no", "false", "none", "0")
    return bool(value)


def as_text(value: Any) -> str:
    """A value as text, booleans as yes and no."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    return str(value)


def _join(*parts: Any) -> str:
    return "".join(as_text(part) for part in parts)


def _number(value: Any) -> float | int:
    if isinstance(value, bool | int | float):
        return value
    if isinstance(value, str):
        try:
            return int(value)
        except ValueError:
            number = _plain(value)  # yes and no are 1 and 0, as in VisProg
        if isinstance(number, bool | float):
            return number
    raise ProgramError("type", f"EVAL needs a number, got {describe(value)}")


def _numbers(values: Sequence[Any]) -> list[float | int]:
    if len(values) == 1 and isinstance(values[0], list):
        values = values[0]
    if not values:
        raise ProgramError("runtime", "EVAL: min, max and sum need at least one number")
    return [_number(v) for v in values]


def _round(value: float, digits: int) -> float:
    if not -18 <= digits <= 18:  # Python would calculate 10 ** -digits, however long that takes
        raise ProgramError("limit", "EVAL: round takes -18 to 18 digits")
    return round(value, digits) if digits else round(value)


def _plain(value: Any) -> Any:
    """The form in which values are compared: yes / no as booleans, written numbers as numbers."""
    if isinstance(value, str):
        text = value.strip().lower()
        if text in ("yes", "true"):
            return True
        if text in ("no", "false"):
            return False
        try:
            number = float(text)
        except ValueError:
            return text
        return number if math.isfinite(number) else text  # "nan" and "infinity" are words
    return value


def same(left: Any, right: Any) -> bool:
    """Equality of EVAL: "2" equals 2, "yes" equals True, text without regard to case.

    A boolean never equals a number.
    """
    a, b = _plain(left), _plain(right)
    return isinstance(a, bool) == isinstance(b, bool) and bool(a == b)


def evaluate(expression: Expression, variables: Mapping[str, Value]) -> Value:
    """The value of an expression.

    Args:
        expression: As parsed.
        variables: A value for each of ``expression.variables``.

    Raises:
        ProgramError: kind ``name`` (a variable is missing), ``type``, ``runtime`` or ``limit``.
    """
    try:
        value: Value = _bounded(expression.compute(_Values(variables)))
        return value
    except (TypeError, ValueError, IndexError, KeyError, ArithmeticError) as error:
        raise ProgramError("runtime", f"EVAL: {error}") from None


def _bounded(value: Any) -> Any:
    if isinstance(value, float | int) and not abs(value) <= MAX_NUMBER:
        raise ProgramError("limit", f"EVAL: numbers beyond {MAX_NUMBER:.0e} are not allowed")
    if isinstance(value, str) and len(value) > MAX_TEXT:
        raise ProgramError("limit", f"EVAL: text ends at {MAX_TEXT} characters")
    if isinstance(value, list):
        if len(value) > MAX_ITEMS:
            raise ProgramError("limit", f"EVAL: lists end at {MAX_ITEMS} entries")
        bounded_list(value)
    return value


def bounded_list(value: list[Any]) -> None:
    """Refuses nested lists that are small in memory, by sharing, and huge when written out.

    Raises:
        ProgramError: kind ``limit``.
    """
    sizes = list(_read(value))
    if len(sizes) > MAX_DEPTH:
        raise ProgramError("limit", f"lists are nested at most {MAX_DEPTH} levels deep")
    if sizes[-1] > MAX_ENTRIES:
        raise ProgramError("limit", f"nested lists end at {MAX_ENTRIES} entries in all")


def _read(value: list[Any]) -> Iterator[int]:
    """Entries and characters of a list down to each level; no further where they are too many."""
    level, entries = [value], 0
    while level and entries <= MAX_ENTRIES:
        deeper: list[list[Any]] = []
        for items in level:
            entries += len(items)
            for item in items:
                if isinstance(item, list):
                    deeper.append(item)
                elif isinstance(item, str):
                    entries += len(item)
            if entries > MAX_ENTRIES:
                break
        yield entries
        level = deeper


def _compile(node: ast.AST) -> Compute:
    """Turns a checked tree into nested functions: programs evaluate an expression many times."""
    match node:
        case ast.Constant(value=value):
            return lambda _: value
        case ast.Name(id="yes" | "no" as word):
            return lambda _: word == "yes"
        case ast.Name(id=name):
            return partial(_lookup, name.removeprefix(PREFIX))
        case ast.BoolOp(op=ast.And(), values=values):
            return partial(_and, [_compile(child) for child in values])
        case ast.BoolOp(values=values):
            marked = [isinstance(c, ast.Name) and c.id == XOR for c in values]
            return partial(
                _or, [None if m else _compile(c) for m, c in zip(marked, values, strict=True)]
            )
        case ast.UnaryOp(op=ast.Not(), operand=operand):
            inner = _compile(operand)
            return lambda v: not truth(inner(v))
        case ast.UnaryOp(op=op, operand=operand):
            inner, sign = _compile(operand), -1 if isinstance(op, ast.USub) else 1
            return lambda v: sign * _number(inner(v))
        case ast.BinOp(left=left, op=op, right=right):
            first, second, operation = _compile(left), _compile(right), type(op)
            if operation in _BITS:
                return lambda v: _bits(operation, first(v), second(v))
            return lambda v: _binary(operation, first(v), second(v))
        case ast.Compare(left=left, ops=ops, comparators=others):
            pairs = [(type(op), _compile(c)) for op, c in zip(ops, others, strict=True)]
            return partial(_compare, _compile(left), pairs)
        case ast.IfExp(test=test, body=body, orelse=orelse):
            condition, then, other = _compile(test), _compile(body), _compile(orelse)
            return lambda v: then(v) if truth(condition(v)) else other(v)
        case ast.List(elts=elements) | ast.Tuple(elts=elements):
            parts = [_compile(element) for element in elements]
            return lambda v: _bounded([part(v) for part in parts])
        case ast.Subscript(value=value, slice=index):
            whole, at = _compile(value), _compile(index)
            return lambda v: whole(v)[int(_number(at(v)))]
        case ast.Call(func=ast.Name(id=name), args=args):
            function = _join if name == JOIN else FUNCTIONS[name]
            given = [_compile(arg) for arg in args]
            return lambda v: _bounded(function(*[arg(v) for arg in given]))
        case ast.Call(func=ast.Attribute(value=value, attr=name), args=args):
            method, parts = METHODS[name], [_compile(part) for part in (value, *args)]
            return lambda v: _bounded(method(*[part(v) for part in parts]))
    raise AssertionError(f"unchecked node {node!r}")


def _lookup(name: str, variables: _Values) -> Any:
    if name not in variables:
        raise ProgramError(
            "name", f"EVAL: variable {name!r} has no value. {known_names(name, variables)}"
        )
    value = variables[name]
    if isinstance(value, Region):
        raise ProgramError("type", f"EVAL cannot calculate with the image {name!r}")
    if isinstance(value, list):
        variables.read += max(_read(value))
        if variables.read > MAX_READ:
            raise ProgramError("limit", "EVAL: the expression reads long lists too often")
    return value


def _and(parts: Sequence[Compute], variables: _Values) -> Any:
    value: Any = True
    for part in parts:
        value = part(variables)
        if not truth(value):
            return value
    return value


def _or(parts: Sequence[Compute | None], variables: _Values) -> Any:
    """The first true part; None among the parts stands for xor between its neighbours."""
    value: Any = False
    exclusive = False
    for part in parts:
        if part is None:
            exclusive = True
        elif exclusive:
            value = truth(value) != truth(part(variables))
            exclusive = False
        elif truth(value):
            return value
        else:
            value = part(variables)
    return value


def _binary(op: type[ast.operator], left: Any, right: Any) -> Any:
    if op is ast.Add and isinstance(left, list) and isinstance(right, list):
        return _bounded(left + right)
    words = any(isinstance(_plain(value), str) for value in (left, right))
    if op is ast.Add and isinstance(left, str) and isinstance(right, str) and words:
        return _bounded(left + right)
    return _bounded(_OPERATORS[op](_number(left), _number(right)))


def _bits(op: type[ast.operator], left: Any, right: Any) -> bool:
    sign, operation = _BITS[op]
    values = [_plain(value) for value in (left, right)]
    for given, value in zip((left, right), values, strict=True):
        if not isinstance(value, bool):
            raise ProgramError(
                "type", f"EVAL: {sign} stands between yes and no, got {describe(given)}"
            )
    return bool(operation(*values))


def _has_edge(edge: Callable[[str, str], bool], value: Any, words: Any) -> bool:
    """Whether a text begins or ends with a word, or one of a list, without regard to case."""
    text = as_text(value).lower()
    found = words if isinstance(words, list) else [words]
    return any(edge(text, as_text(word).lower()) for word in found)


def _compare(
    first: Compute,
    rest: Sequence[tuple[type[ast.cmpop], Compute]],
    variables: _Values,
) -> bool:
    left = first(variables)
    for op, part in rest:
        right = part(variables)
        if op in _ORDER:
            holds = _ORDER[op](_number(left), _number(right))
        elif op in (ast.Eq, ast.Is):
            holds = same(left, right)
        elif op in (ast.NotEq, ast.IsNot):
            holds = not same(left, right)
        else:
            inside = (
                any(same(left, item) for item in right)
                if isinstance(right, list)
                else as_text(left).lower() in as_text(right).lower()
            )
            holds = inside == (op is ast.In)
        if not holds:
            return False
        left = right
    return True


def _eval(args: Args, results: Sequence[Result], pictures: Pictures) -> Result:
    del results, pictures
    variables = args["variables"]
    assert isinstance(variables, dict)
    return Result(evaluate(parse_expression(str(args["expr"])), variables))


EVAL = Module(
    name="EVAL",
    params=(Param("expr", "text"), Param("variables", "any", None)),
    returns="any",
    doc=(
        "The value of an expression such as \"'yes' if {ANSWER0} > 1 else 'no'\"; variables "
        "stand in braces; and, or, xor, not, comparisons and arithmetic are allowed."
    ),
    finish=_eval,
)
"""The engine fills ``variables`` with the values that the expression names."""

MODULES = (EVAL,)
