"""What the check of ``python`` programs looks at: names, attributes, arguments, syntax, order."""

from __future__ import annotations

import ast
import re
from collections.abc import Collection, Iterator, Mapping, Sequence

from vprog.errors import ProgramError, known_names
from vprog.program.python_api import Api, Signature
from vprog.program.python_names import (
    BUILTINS,
    MODULES,
    NO_BUILTINS,
    OF_TYPES,
    TYPES,
    python_attributes,
)
from vprog.program.python_rewrite import Turn
from vprog.tools.tool import Kind, describe, fits

Children = Mapping[ast.AST, Sequence[ast.AST]]
"""The nodes of a tree that say something, in the order of ``ast.walk``, each with its own."""
_OWN_NAMES = ("__name__",)
_AT_HAND = ("math", "re")
"""Modules that need no import, as where ViperGPT's programs run."""
METHODS = frozenset(
    name for kind in (str, list, dict, set) for name in vars(kind) if not name.startswith("_")
)
"""Methods of plain values, which the sandbox only has when they are called."""
PIXELS = "cropped_image"
"""Of a patch in ViperGPT, whose place here is the patch itself."""
_STATIC = OF_TYPES | {"maketrans"}
"""Methods of a type, not of its values."""
_NOT_CALLED = ("__lt__", "__le__", "__gt__", "__ge__", "__len__", "__bool__", "__getattr__")
"""Methods of own classes that the sandbox leaves alone."""
_NO_FIELDS = frozenset(("ctx", "op", "ops"))
"""Where a tree holds what is neither statement nor expression: operators and the like."""
_FIELDS = {
    kind: ()
    if kind in (ast.Name, ast.Constant)
    else tuple(f for f in kind._fields if f not in _NO_FIELDS)
    for kind in vars(ast).values()
    if isinstance(kind, type) and issubclass(kind, ast.AST)
}
"""Where nodes of a kind hold nodes that say something."""
_SCOPES = (ast.FunctionDef, ast.ClassDef, ast.Lambda)
_SCOPES += (ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp)  # type: ignore[assignment]
_LOOPS = (ast.For, ast.While)
_BINDING = frozenset((
    ast.Name, ast.FunctionDef, ast.ClassDef, ast.arg, ast.ExceptHandler, ast.Import, ast.ImportFrom,
    ast.MatchAs, ast.MatchStar, ast.MatchMapping, ast.Attribute, ast.AnnAssign, ast.Call,
))  # fmt: skip
_DOUBTFUL = frozenset((
    ast.Yield, ast.YieldFrom, ast.AsyncFunctionDef, ast.Await, ast.AsyncFor, ast.AsyncWith,
    ast.ClassDef, ast.Import, ast.ImportFrom, ast.Try, ast.TryStar, ast.Delete,
))  # fmt: skip
_ORDERED = frozenset((
    ast.Name, ast.FunctionDef, ast.ClassDef, ast.Global, ast.Nonlocal, ast.Import, ast.ImportFrom,
    ast.ExceptHandler, ast.MatchAs, ast.MatchStar, ast.MatchMapping,
))  # fmt: skip
"""Most nodes are of none of these; looking at their type first halves the time of a check."""


def children_of(tree: ast.AST) -> Children:
    """The nodes of a tree below each other, found in one walk."""
    nodes = [tree]
    found: dict[ast.AST, list[ast.AST]] = {}
    for node in nodes:  # grows on the way
        children: list[ast.AST] = []
        for name in _FIELDS[type(node)]:
            value = getattr(node, name, None)
            if value.__class__ is list:
                children += [child for child in value if isinstance(child, ast.AST)]
            elif isinstance(value, ast.AST):
                children.append(value)
        found[node] = children
        nodes += children
    return found


def error_at(kind: str, message: str, node: ast.AST) -> ProgramError:
    """The error of a node, with its line and column."""
    line = getattr(node, "lineno", None)
    column = getattr(node, "col_offset", None)
    return ProgramError(kind, message, line, None if column is None else column + 1)  # type: ignore[arg-type]


class PythonChecker:
    """The check of one program.

    Attributes:
        turned: Attributes that the sandbox lacks and can do without, and what becomes of them.
        idle: Imports of what is not here and that nobody misses.
    """

    def __init__(
        self, children: Children, api: Api, replaceable: Collection[ast.Attribute]
    ) -> None:
        """Looks at nothing yet.

        Args:
            children: Of the program's tree.
            api: What it may call.
            replaceable: See ``python_rewrite.replaceable``.
        """
        self._children = children
        self._api = api
        self._replaceable = replaceable
        self._bound: set[str] = set()
        self._own_attributes: set[str] = set()
        self._modules: set[str] = set(_AT_HAND)
        self._called: set[ast.AST] = set()
        self.turned: dict[ast.Attribute, Turn] = {}
        self.idle: set[ast.stmt] = set()

    def check(self) -> None:
        """Looks at every node.

        Raises:
            ProgramError: kinds ``syntax``, ``name`` and ``type``, with line and column.
        """
        said = _annotations(self._children)
        self._leave_out_imports(said)
        for node in self._children:
            if type(node) in _BINDING:
                self._collect(node)
        for node in self._children:
            if node in said:
                continue
            if type(node) in _DOUBTFUL:
                self._supported(node)
            elif isinstance(node, ast.Name):
                self._name(node)
            elif isinstance(node, ast.Attribute):
                self._attribute(node)
            elif isinstance(node, ast.Call):
                self._call(node)
            elif isinstance(node, ast.FunctionDef):
                _check_order(node, self._children)

    def _leave_out_imports(self, said: Collection[ast.AST]) -> None:
        """Finds imports whose names nobody reads, or that the API has anyway."""
        imports = [n for n in self._children if isinstance(n, (ast.Import, ast.ImportFrom))]
        if not imports:
            return
        read = {
            node.id
            for node in self._children
            if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load) and node not in said
        }
        for node in imports:
            if not _is_here(node) and not any(
                (alias.asname or alias.name.split(".")[0]) in read
                and not (isinstance(node, ast.ImportFrom) and self._has(alias))
                for alias in node.names
            ):
                self.idle.add(node)

    def _has(self, alias: ast.alias) -> bool:
        return alias.name in self._api.functions and alias.asname in (None, alias.name)

    def _collect(self, node: ast.AST) -> None:
        if isinstance(node, ast.Call):
            self._called.add(node.func)
        match node:
            case ast.Name(id=name, ctx=ast.Store() | ast.Del()):
                self._bound.add(name)
            case ast.FunctionDef(name=name) | ast.ClassDef(name=name):
                self._bound.add(name)
                self._own_attributes.add(name)
                if isinstance(node, ast.ClassDef):
                    self._own_attributes.update(
                        target.id
                        for statement in node.body
                        if isinstance(statement, ast.Assign)
                        for target in statement.targets
                        if isinstance(target, ast.Name)
                    )
            case ast.arg(arg=name) | ast.ExceptHandler(name=str() as name):
                self._bound.add(name)
            case ast.Import(names=names) | ast.ImportFrom(names=names) if node not in self.idle:
                for alias in names:
                    self._bound.add(alias.asname or alias.name.split(".")[0])
                    self._modules.add(alias.asname or alias.name.split(".")[0])
            case ast.MatchAs(name=str() as name) | ast.MatchStar(name=str() as name):
                self._bound.add(name)
            case ast.MatchMapping(rest=str() as name):
                self._bound.add(name)
            case ast.Attribute(attr=name, ctx=ast.Store()):
                self._own_attributes.add(name)
            case ast.AnnAssign(target=ast.Name(id=name)):
                self._own_attributes.add(name)
            case ast.Call(
                func=ast.Name(id="namedtuple") | ast.Attribute(attr="namedtuple"),
                args=[_, fields, *_],
            ):
                self._fields(fields)
            case ast.Call(
                func=ast.Name(id="namedtuple" | "setattr" | "make_dataclass")
                | ast.Attribute(attr="namedtuple" | "make_dataclass"),
            ):
                self._own_attributes.update(METHODS)  # some of them may be its fields

    def _fields(self, fields: ast.AST) -> None:
        """Learns the names of a named tuple's fields; in doubt any method's name may be one."""
        literal = isinstance(fields, ast.Constant | ast.List | ast.Tuple)
        self._own_attributes.update(() if literal else METHODS)
        for found in ast.walk(fields):
            if isinstance(found, ast.Constant) and isinstance(found.value, str):
                self._own_attributes.update(found.value.replace(",", " ").split())

    def _supported(self, node: ast.AST) -> None:
        match node:
            case ast.Yield() | ast.YieldFrom():
                raise error_at("syntax", "the sandbox has no yield; build a list", node)
            case ast.AsyncFunctionDef() | ast.Await() | ast.AsyncFor() | ast.AsyncWith():
                raise error_at("syntax", "programs are not asynchronous; call tools directly", node)
            case ast.ClassDef(bases=bases, keywords=keywords) if bases or keywords:
                raise error_at("syntax", "the sandbox has no inheritance of classes", node)
            case ast.ClassDef(body=body):
                for inner in body:
                    if isinstance(inner, ast.FunctionDef):
                        _check_method(inner)
            case ast.Delete():
                raise error_at(
                    "syntax", "the sandbox has no del; build a new value without it", node
                )
            case ast.TryStar():
                raise error_at("syntax", "the sandbox has no except*; write except", node)
            case ast.Import() | ast.ImportFrom() if node in self.idle:
                pass
            case ast.Import(names=names):
                for alias in names:
                    self._module(alias.name, node)
            case ast.ImportFrom(module=module, names=names):
                self._module(module or ".", node)
                known = MODULES[module or "."].split()
                for alias in names:
                    if alias.name == "*":
                        raise error_at("syntax", "import names one by one, not *", node)
                    if alias.name not in known:
                        message = f"{module} has no {alias.name!r} here."
                        raise error_at("name", f"{message} {known_names(alias.name, known)}", node)
            case ast.Try(finalbody=body) if any(
                isinstance(n, ast.Return | ast.Break | ast.Continue)
                for s in body
                for n in ast.walk(s)
            ):
                raise error_at("syntax", "finally must not return, break or continue", node)

    def _module(self, name: str, node: ast.AST) -> None:
        if name not in MODULES:
            raise error_at("name", f"no module {name!r} here. {known_names(name, MODULES)}", node)

    def _name(self, node: ast.Name) -> None:
        name = node.id
        if name.startswith("_vp"):
            raise error_at("name", f"{name!r}: names starting with _vp belong to the engine", node)
        if not isinstance(node.ctx, ast.Load) or name in self._bound or name in BUILTINS:
            return
        if name in self._api.functions or name in _OWN_NAMES or name in _AT_HAND:
            return
        if name in NO_BUILTINS:
            raise error_at("name", f"{name!r} does not exist in the sandbox", node)
        known = [*self._api.functions, *self._bound]
        raise error_at("name", f"unknown name {name!r}. {known_names(name, known)}", node)

    def _attribute(self, node: ast.Attribute) -> None:
        name = node.attr
        known = {*self._api.methods, *self._api.attributes}
        match node.value:
            case ast.Name(id=kind) if kind in TYPES and kind not in self._bound:
                if name in METHODS - _STATIC and node in self._replaceable:
                    self.turned[node] = "function of a type"
                    return
                if name not in OF_TYPES and name != "__name__":
                    message = f"{kind} has no {name!r} in the sandbox; call it on a value, as in"
                    raise error_at("name", f"{message} 'lambda v: v.{name}()'", node)
        private = name.startswith("__") and name.endswith("__") and name != "__name__"
        if name.startswith("_vp") or private:
            raise error_at("name", f"the attribute {name!r} does not exist in the sandbox", node)
        if name in known or name in self._own_attributes:
            return
        if name == PIXELS and node in self._replaceable:
            self.turned[node] = "its value"
            return
        if name in python_attributes():
            if name in METHODS and isinstance(node.ctx, ast.Load) and node not in self._called:
                match node.value:
                    case ast.Name(id=owner) if owner in TYPES - self._bound | self._modules:
                        return
                if node in self._replaceable:
                    self.turned[node] = "function"
                    return
                said = f"lambda v: {ast.unparse(node)}(v)"
                raise error_at(
                    "name", f"methods are no values in the sandbox; write {said!r}", node
                )
            return
        raise error_at(
            "name", f"nothing here has an attribute {name!r}. {known_names(name, known)}", node
        )

    def _call(self, node: ast.Call) -> None:
        match node.func:
            case ast.Attribute(value=ast.Name(id="re"), attr="sub" | "subn"):
                _check_replacement(node)
            case ast.Name(id=name) if name in self._api.functions and name not in self._bound:
                self._arguments(name, self._api.functions[name], node)
            case ast.Attribute(attr=name) if (
                name in self._api.methods
                and name not in python_attributes()
                and name not in self._own_attributes
            ):
                self._arguments(name, self._api.methods[name], node)
            case ast.Attribute(attr="find", value=value):
                if not node.args and not node.keywords:
                    raise error_at("type", "find needs object_name: find(object_name)", node)
                if not isinstance(value, ast.Constant) and len(node.args) == 1:
                    self._literal("find", "object_name", "text", node.args[0])

    def _arguments(self, name: str, signature: Signature, node: ast.Call) -> None:
        if any(isinstance(a, ast.Starred) for a in node.args) or any(
            k.arg is None for k in node.keywords
        ):
            return
        where = f"{name}{signature}"
        if len(node.args) > len(signature.params):
            raise error_at(
                "type",
                f"{where} takes at most {len(signature.params)} arguments, got {len(node.args)}",
                node,
            )
        given = dict(zip(signature.params, node.args, strict=False))
        for keyword in node.keywords:
            assert keyword.arg is not None
            if keyword.arg not in signature.params:
                raise error_at(
                    "type",
                    f"{name} has no argument {keyword.arg!r}. "
                    f"{known_names(keyword.arg, signature.params)}",
                    node,
                )
            if keyword.arg in given:
                raise error_at("type", f"{name} gets {keyword.arg!r} twice", node)
            given[keyword.arg] = keyword.value
        for param in signature.params[: signature.required]:
            if param not in given:
                raise error_at("type", f"{name} needs {param!r}: {where}", node)
        for param, value in given.items():
            if param in signature.kinds:
                self._literal(name, param, signature.kinds[param], value)

    def _literal(self, name: str, param: str, kind: Kind, value: ast.expr) -> None:
        if (
            isinstance(value, ast.Constant)
            and value.value is not None
            and not fits(value.value, kind)
        ):
            raise error_at(
                "type", f"{name} wants {param}: {kind}, got {describe(value.value)}", value
            )


def _annotations(children: Children) -> set[ast.AST]:
    """Nodes of annotations, which nothing evaluates."""
    found: list[ast.AST] = []
    for node in children:
        kind = type(node)
        said = None
        if kind is ast.arg or kind is ast.AnnAssign:
            said = node.annotation  # type: ignore[attr-defined]
        elif kind is ast.FunctionDef:
            said = node.returns  # type: ignore[attr-defined]
        if said is not None:
            found.append(said)
    for node in found:  # grows on the way
        found += children[node]
    return set(found)


def _is_here(node: ast.Import | ast.ImportFrom) -> bool:
    """Whether the sandbox has all that a statement imports."""
    if isinstance(node, ast.Import):
        return all(alias.name in MODULES for alias in node.names)
    known = MODULES.get(node.module or ".", "").split()
    names = [alias.name for alias in node.names]
    return bool(known) and (names == ["*"] or set(names) <= set(known))


def _check_method(method: ast.FunctionDef) -> None:
    """Refuses what methods of own classes cannot be."""
    if method.decorator_list:
        raise error_at("syntax", "the sandbox has no decorators of methods", method)
    if method.name in _NOT_CALLED:
        raise error_at(
            "syntax", f"the sandbox does not call {method.name}; write a function", method
        )


def _check_replacement(call: ast.Call) -> None:
    r"""Refuses a group before a letter: to the sandbox ``\1cm`` is a group called "1cm"."""
    given = [*call.args[1:2], *(k.value for k in call.keywords if k.arg == "repl")]
    for text in given:
        if isinstance(text, ast.Constant) and isinstance(text.value, str):
            found = re.search(r"(?<!\\)(?:\\\\)*\\(\d+)[A-Za-z_]", text.value)
            if found:
                number = found.group(1)
                message = f"before a letter write the group \\{number} as \\g<{number}>"
                raise error_at("syntax", message, text)


def _check_order(function: ast.FunctionDef, children: Children) -> None:
    """Use before assignment, where it is certain: every binding stands later, outside of loops."""
    parameters = {a.arg for a in ast.walk(function.args) if isinstance(a, ast.arg)}
    first_bound: dict[str, tuple[int, int]] = {}
    uses: list[ast.Name] = []
    shared: set[str] = set(parameters)
    for node, in_loop in _own_nodes(function, children):
        if type(node) not in _ORDERED:
            continue
        match node:
            case ast.Global(names=names) | ast.Nonlocal(names=names):
                shared.update(names)
            case ast.FunctionDef(name=name) | ast.ClassDef(name=name):
                first_bound.setdefault(name, (node.lineno, -1))
            case ast.Import(names=aliases) | ast.ImportFrom(names=aliases):
                shared.update(a.asname or a.name.split(".")[0] for a in aliases)
            case ast.ExceptHandler(name=str() as name):
                shared.add(name)
            case ast.MatchAs(name=str() as name) | ast.MatchStar(name=str() as name):
                shared.add(name)
            case ast.MatchMapping(rest=str() as name):
                shared.add(name)
            case ast.Name(id=name, ctx=ast.Load()):
                if not in_loop:
                    uses.append(node)
            case ast.Name(id=name):
                place = (node.lineno, node.col_offset)
                # The value of an assignment is evaluated before its target is bound.
                first_bound[name] = min(first_bound.get(name, place), place)
    for use in uses:
        bound = first_bound.get(use.id)
        if bound and use.id not in shared and (use.lineno, use.col_offset) < bound:
            raise error_at("name", f"{use.id!r} is used before it is set in line {bound[0]}", use)


def _own_nodes(function: ast.FunctionDef, children: Children) -> Iterator[tuple[ast.AST, bool]]:
    """Nodes of a function without those of functions and comprehensions in it; and if in a loop."""
    stack: list[tuple[ast.AST, bool]] = [(s, False) for s in reversed(function.body)]
    while stack:
        node, in_loop = stack.pop()
        yield node, in_loop
        if isinstance(node, _SCOPES):
            continue
        inside = in_loop or isinstance(node, _LOOPS)
        stack += [(child, inside) for child in reversed(children[node])]
