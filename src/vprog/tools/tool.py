"""What a tool is: a typed signature with a docstring, known to check, languages and prompts.

A tool either carries its own function (cheap, *inline*: geometry, counting, a benchmark's helper)
or is answered by a backend that a toolbox binds to it (a model, pixel code, an oracle).

Users add one in a few lines::

    from vprog import Boxes, Image, tool

    @tool
    def touching(boxes: Boxes, margin: float = 2.0) -> bool:
        \"\"\"Whether any two of the boxes touch.\"\"\"
        ...

It is then ``TOUCHING(boxes=BOX0)`` in ``steps`` and ``touching(patches)`` in ``python``.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any, Literal, TypeAlias, get_args, get_type_hints, overload

from vprog.errors import InputError, ProgramError, VprogError
from vprog.example import Region
from vprog.trace import Value

Kind = Literal["image", "images", "text", "texts", "number", "numbers", "bool", "any"]
"""Types of parameters and results.

``image``: one ``Region``. ``images``: a list of regions (boxes, crops, patches). ``text``,
``texts``: a string, a list of strings. ``number``, ``numbers``: int or float, a list of them.
``bool``. ``any``: whatever programs can hold.
"""

KINDS: tuple[str, ...] = get_args(Kind)

Image: TypeAlias = Region
"""Annotation of a tool's parameter that is one picture or region."""
Boxes: TypeAlias = list[Region]
"""Annotation of a tool's parameter that is a list of regions."""

MAX_NUMBER = 1e18
"""Largest magnitude of a number that programs, tools and expressions exchange."""

MISSING: Any = type("Missing", (), {"__repr__": lambda _: "<required>"})()
"""Default of a parameter that must be given."""


@dataclass(frozen=True, slots=True)
class Param:
    """One parameter of a tool or module."""

    name: str
    kind: Kind
    default: Any = MISSING

    @property
    def required(self) -> bool:
        """Whether a call must give it."""
        return self.default is MISSING


@dataclass(frozen=True, slots=True, kw_only=True)
class Tool:
    """An ability that programs can call.

    Attributes:
        name: As design and settings call it: ``detect``, ``vqa``, ...
        params: In order.
        returns: Kind of the result.
        doc: What it does: shown to writers, users and in the reference.
        function: Inline implementation over keyword arguments; None where a backend must answer.
        sentence: What a rationale says of a call: a template with the parameters and ``{value}``
            as fields, in lower-case words with blanks around punctuation, without the final point.
            "" is the tool's name, its arguments and the value; see ``vprog.distill.rationale``.
        outcome: What ``{value}`` stands for there, from arguments and value; None is the value.
        learns: Whether teaching can train its backends.
        needs: What to do when no backend is bound, for the error message.
    """

    name: str
    params: tuple[Param, ...]
    returns: Kind
    doc: str
    function: Callable[..., Any] | None = None
    sentence: str = ""
    outcome: Callable[[Mapping[str, Value], Value], Value] | None = None
    learns: bool = False
    needs: str = ""

    @property
    def inline(self) -> bool:
        """Whether the engine computes it itself."""
        return self.function is not None

    @property
    def signature(self) -> str:
        """``name(param: kind, other: kind = default) -> kind``."""
        return f"{self.name}({render_params(self.params)}) -> {self.returns}"

    def bind(self, args: Mapping[str, Value], line: int | None = None) -> dict[str, Value]:
        """Checks arguments at run time and fills in defaults.

        Args:
            args: By parameter name.
            line: Of the program, for the message.

        Returns:
            One entry for every parameter, in order.

        Raises:
            ProgramError: kind ``type``: an argument is missing, unknown or of the wrong kind.
        """
        return bind_params(self.name, self.params, args, line)

    def compute(self, args: Mapping[str, Value]) -> Value:
        """The value of an inline tool; ``args`` complete and of the right kinds.

        Raises:
            ProgramError: kind ``tool``: its function raised, or returned the wrong kind.
        """
        assert self.function is not None
        try:
            value: Value = self.function(**args)
        except ProgramError:
            raise
        except VprogError as error:
            raise ProgramError("tool", str(error)) from error
        except Exception as error:
            reason = f"{type(error).__name__}: {error}"
            raise ProgramError("tool", f"{self.name} failed: {reason}") from error
        if isinstance(value, tuple) and type(value) is not Region:
            value = list(value)
        if not fits(value, self.returns):
            raise ProgramError(
                "tool", f"{self.name} must return {self.returns}, returned {describe(value)}"
            )
        return value


def render_params(params: tuple[Param, ...]) -> str:
    """The parameter list of a signature, as text."""
    return ", ".join(
        f"{p.name}: {p.kind}" + ("" if p.required else f" = {p.default!r}") for p in params
    )


def bind_params(
    name: str, params: tuple[Param, ...], args: Mapping[str, Value], line: int | None = None
) -> dict[str, Value]:
    """Checks ``args`` against ``params`` and fills in defaults; see ``Tool.bind``."""
    bound: dict[str, Value] = {}
    for param in params:
        if param.name in args:
            value = args[param.name]
            if not fits(value, param.kind):
                raise ProgramError(
                    "type",
                    f"{name} wants {param.name}: {param.kind}, got {describe(value)}",
                    line,
                )
            bound[param.name] = value
        elif param.required:
            raise ProgramError(
                "type",
                f"{name} needs {param.name}. Signature: {name}({render_params(params)})",
                line,
            )
        else:
            bound[param.name] = param.default
    if len(bound) < len(set(args) | set(bound)):
        unknown = next(a for a in args if a not in bound)
        raise ProgramError(
            "type",
            f"{name} has no parameter {unknown!r}. Signature: {name}({render_params(params)})",
            line,
        )
    return bound


def fits(value: Any, kind: Kind) -> bool:
    """Whether a run-time value is of a kind.

    A bool is no number, nor is inf, nan or 10**19; edges of regions are Python's own finite
    numbers; ``any`` is what ``vprog.trace.Value`` holds.
    """
    if kind == "image":
        return type(value) is Region and _has_finite_edges(value)
    if kind == "text":
        return isinstance(value, str)
    if kind == "bool":
        return isinstance(value, bool)
    if kind == "number":
        return (
            isinstance(value, int | float)
            and not isinstance(value, bool)
            and -MAX_NUMBER <= value <= MAX_NUMBER
        )
    if kind == "any":
        return _is_plain(value)
    if not isinstance(value, list):
        return False
    if kind == "images":
        # Every result of a detector comes by: all() and recursion are slower.
        for item in value:  # noqa: SIM110
            if type(item) is not Region or not _has_finite_edges(item):
                return False
        return True
    member: Kind = "text" if kind == "texts" else "number"
    return all(fits(item, member) for item in value)


_NUMBERS = (int, float)


def _has_finite_edges(region: Region) -> bool:
    _, left, top, right, bottom, _, _ = region
    return (
        type(left) in _NUMBERS
        and type(top) in _NUMBERS
        and type(right) in _NUMBERS
        and type(bottom) in _NUMBERS
        and -MAX_NUMBER <= left <= MAX_NUMBER
        and -MAX_NUMBER <= top <= MAX_NUMBER
        and -MAX_NUMBER <= right <= MAX_NUMBER
        and -MAX_NUMBER <= bottom <= MAX_NUMBER
    )


def _is_plain(value: Any) -> bool:
    if type(value) is Region:
        return _has_finite_edges(value)
    if isinstance(value, list):
        return all(_is_plain(item) for item in value)
    if isinstance(value, dict):
        return all(isinstance(k, str) and _is_plain(item) for k, item in value.items())
    return value is None or isinstance(value, bool | int | float | str)


def describe(value: Any) -> str:
    """A value in an error message: its kind and, if short, itself."""
    if type(value) in (int, float) and not fits(value, "number"):
        # A large integer may have too many digits to be printed.
        return f"a number beyond {MAX_NUMBER:.0e}" if type(value) is int else f"number {value!r}"
    if type(value) is Region and not _is_plain(value):
        return f"an image with impossible edges {value.box_xyxy}"[:200]
    for kind in ("image", "bool", "number", "text"):
        if fits(value, kind):
            text = f"{kind} {value!r}" if kind != "image" else "an image"
            return text if len(text) < 80 else text[:77] + "..."
    if isinstance(value, list):
        first = next((item for item in value if not _is_plain(item)), value[0] if value else None)
        return f"a list of {len(value)} ({describe(first)})" if value else "an empty list"
    return type(value).__name__


_ANNOTATIONS: tuple[tuple[Any, Kind], ...] = (
    (Region, "image"),
    (list[Region], "images"),
    (str, "text"),
    (list[str], "texts"),
    (bool, "bool"),
    (int, "number"),
    (float, "number"),
    (int | float, "number"),
    (list[int], "numbers"),
    (list[float], "numbers"),
    (Any, "any"),
)


def _kind_of(annotation: Any, where: str) -> Kind:
    for known, kind in _ANNOTATIONS:
        if annotation == known:
            return kind
    raise InputError(
        f"{where}: annotation {annotation!r} is not one that programs can hold. "
        "Use vprog.Image, vprog.Boxes, str, list[str], int, float, bool, list[float] or Any"
    )


def tool_from_function(
    function: Callable[..., Any], *, inline: bool = True, sentence: str = ""
) -> Tool:
    """Reads a tool's signature and docstring off a Python function.

    Args:
        function: Annotated function with a docstring; called with keyword arguments.
        inline: False makes a tool that needs a backend, and the function's body is ignored.
        sentence: Template for rationales.

    Raises:
        InputError: An annotation or the docstring is missing, or cannot be held by programs.
    """
    name = function.__name__
    try:
        hints = get_type_hints(function)
    except (NameError, TypeError, SyntaxError) as error:
        raise InputError(
            f"tool {name!r}: an annotation cannot be read ({error}). Import what it names at the "
            "top of the module"
        ) from None
    doc = inspect.getdoc(function)
    if not doc:
        raise InputError(f"tool {name!r} has no docstring: writers need one to know what it does")
    params = []
    for parameter in inspect.signature(function).parameters.values():
        where = f"tool {name!r}, parameter {parameter.name!r}"
        if parameter.kind not in (parameter.POSITIONAL_OR_KEYWORD, parameter.KEYWORD_ONLY):
            raise InputError(f"{where}: *args and **kwargs have no meaning in programs")
        if parameter.name not in hints:
            raise InputError(f"{where} has no annotation")
        default = MISSING if parameter.default is parameter.empty else parameter.default
        params.append(Param(parameter.name, _kind_of(hints[parameter.name], where), default))
    if "return" not in hints:
        raise InputError(f"tool {name!r} has no annotation of what it returns")
    return Tool(
        name=name,
        params=tuple(params),
        returns=_kind_of(hints["return"], f"tool {name!r}"),
        doc=doc,
        function=function if inline else None,
        sentence=sentence,
    )


@overload
def tool(function: Callable[..., Any]) -> Tool: ...
@overload
def tool(*, sentence: str) -> Callable[[Callable[..., Any]], Tool]: ...
def tool(
    function: Callable[..., Any] | None = None, *, sentence: str = ""
) -> Tool | Callable[[Callable[..., Any]], Tool]:
    """Decorator: an annotated, documented function becomes an inline tool of both languages.

    Args:
        function: The function.
        sentence: What a rationale says of a call; see ``Tool``.
    """
    if function is None:
        return partial(tool_from_function, sentence=sentence)
    return tool_from_function(function)
