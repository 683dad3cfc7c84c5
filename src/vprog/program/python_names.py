"""What the sandbox has of Python: built-ins, modules and their names, attributes of its values.

pydantic-monty implements a part of the standard library; a name that it lacks is refused before a
program runs, so that the writer can repair it.
"""

from __future__ import annotations

import builtins
import collections
import datetime
import re
from functools import lru_cache

MODULES = {
    "asyncio": "gather run sleep",
    "collections": "Counter defaultdict deque namedtuple",
    "copy": "copy deepcopy",
    "dataclasses": "FrozenInstanceError MISSING dataclass field is_dataclass",
    "datetime": "date datetime time timedelta timezone",
    "functools": "cache lru_cache partial reduce",
    "itertools": (
        "accumulate chain combinations combinations_with_replacement compress count cycle "
        "dropwhile filterfalse groupby islice pairwise permutations product repeat starmap "
        "takewhile tee zip_longest"
    ),
    "json": "JSONDecodeError dump dumps load loads",
    "math": (
        "acos acosh asin asinh atan atan2 atanh cbrt ceil comb copysign cos cosh degrees dist "
        "e erf erfc exp exp2 expm1 fabs factorial floor fmod frexp fsum gamma gcd hypot inf "
        "isclose isfinite isinf isnan isqrt lcm ldexp lgamma log log10 log1p log2 modf nan "
        "nextafter perm pi pow prod radians remainder sin sinh sqrt tan tanh tau trunc ulp"
    ),
    "random": (
        "Random betavariate choice choices expovariate gammavariate gauss getrandbits "
        "getstate lognormvariate normalvariate paretovariate randbytes randint random "
        "randrange sample seed setstate shuffle triangular uniform vonmisesvariate "
        "weibullvariate"
    ),
    "re": (
        "A ASCII DOTALL I IGNORECASE M MULTILINE Match NOFLAG Pattern S compile error escape "
        "findall finditer fullmatch match search split sub"
    ),
    "time": (
        "altzone asctime ctime daylight gmtime localtime mktime monotonic monotonic_ns "
        "perf_counter perf_counter_ns process_time process_time_ns sleep strftime strptime "
        "thread_time thread_time_ns time time_ns timezone tzname"
    ),
    "typing": (
        "Annotated Any Callable ClassVar Dict Final FrozenSet Generator Generic Iterable "
        "Iterator List Literal Mapping Never NoReturn Optional Protocol Self Sequence Set "
        "TYPE_CHECKING Tuple Type TypeVar Union"
    ),
}
"""Modules of the standard library that the sandbox has, and their names separated by spaces."""

_NO_BUILTINS = (
    "breakpoint", "compile", "delattr", "exit", "globals", "help", "input", "license", "locals",
    "memoryview", "open", "quit", "vars", "copyright", "credits", "eval", "exec", "id", "hash",
    "BaseExceptionGroup", "BlockingIOError", "BrokenPipeError", "BufferError", "BytesWarning",
    "ChildProcessError", "ConnectionAbortedError", "ConnectionError", "ConnectionRefusedError",
    "ConnectionResetError", "DeprecationWarning", "EOFError", "EncodingWarning",
    "EnvironmentError", "ExceptionGroup", "FloatingPointError", "FutureWarning",
    "GeneratorExit", "IOError", "ImportWarning", "IndentationError", "InterruptedError",
    "PendingDeprecationWarning", "ProcessLookupError", "ReferenceError", "ResourceWarning",
    "RuntimeWarning", "StopAsyncIteration", "SyntaxWarning", "SystemError", "TabError",
    "UnicodeError", "UnicodeTranslateError", "UnicodeWarning", "UserWarning", "Warning",
    "aiter", "anext", "ascii", "bytearray", "callable", "classmethod", "dir", "issubclass",
    "staticmethod", "super",
)  # fmt: skip
# id and hash differ from one execution to the next.

BUILTINS = frozenset(n for n in dir(builtins) if n not in (*_NO_BUILTINS, "__import__"))
"""Names that programs can use without an import."""

NO_BUILTINS = frozenset(dir(builtins)) - BUILTINS
"""Names that Python has and the sandbox has not."""

TYPES = frozenset((
    "bool", "bytes", "dict", "float", "frozenset", "int", "list", "object", "set", "str", "tuple",
    "type",
))  # fmt: skip
"""Types whose methods are called on values alone: no ``str.lower``, but for ``OF_TYPES``."""
OF_TYPES = frozenset(("fromkeys", "fromhex"))


@lru_cache(maxsize=1)
def python_attributes() -> frozenset[str]:
    """Names of attributes that values and modules in the sandbox have."""
    names = {name for found in MODULES.values() for name in found.split()}
    for kind in (
        str, list, dict, set, tuple, int, float, bytes, frozenset, Exception, collections.Counter,
        collections.deque, datetime.datetime, datetime.timedelta, re.Pattern, re.Match,
    ):  # fmt: skip
        names.update(dir(kind))
    return frozenset(n for n in names if not n.startswith("_")) | {"__name__"}
