"""The check of python programs: what it lets pass, what it refuses and how it says so."""

from __future__ import annotations

import pytest

from fakes import answer, python
from vprog.errors import ProgramError
from vprog.program import Checker, Program
from vprog.tools.catalogue import TOOLS

PASSES = [
    "import math\nreturn math.floor(2.5)",
    "from collections import Counter\nreturn Counter([2, 2])[2]",
    "x = [len(p) for p in ['ab']]\nreturn x[0]",
    "def twice(x):\n    return x * 2\nreturn twice(1)",
    "f = lambda x, y=1: x + y\nreturn f(1)",
    "a, (b, *c) = 1, (2, 3)\nreturn b",
    "total = 0\nfor i in range(2):\n    total += 1\nelse:\n    pass\nreturn total",
    "while True:\n    break\nreturn 2",
    "try:\n    x = [][0]\nexcept IndexError as error:\n    x = 2\nreturn x",
    "return {'a': 2}.get('a')",
    "return sum(x for x in (1, 1))",
    "return next(x for x in [2, 3])",
    "if (n := 2) > 1:\n    return n",
    "from typing import List\nx: List[int] = [2]\nreturn x[0]",
    "import re\nreturn int(re.sub('a', '', '2a'))",
    "import json\nreturn json.loads('2')",
    "import itertools\nreturn len(list(itertools.combinations([1, 2], 1)))",
    "import functools\nreturn functools.reduce(lambda a, b: a + b, [1, 1])",
    "class Box:\n    def __init__(self, n):\n        self.n = n\nreturn Box(2).n",
    "return sorted([3, 2], key=lambda v: v)[0]",
    "return 2 if image.exists('cup') else 3",
    "print('hello')\nreturn 2",
    "print('hello', file=None, flush=True)\nreturn 2",
    "it = enumerate(['a', 'b', 'c'])\nnext(it)\nnext(it)\nreturn next(it)[0]",
    "g = (x for x in [1, 2])\nnext(g)\nreturn next(g)",
    "g, h = (x for x in 'ab'), (y for y in [2])\nnext(g)\nreturn next(h, 'ä' in next(g))",
    "it = map(abs, [-1, -2])\nnext(it)\nreturn next(it)",
    "z = zip([1, 2], [3, 4])\nlist(z)\nreturn 2 + len(list(z))",
    "r = reversed([2, 1])\nnext(r)\nreturn next(r)",
    "f = filter(None, [0, 2])\nreturn next(f) + len(list(f))",
    "return next((x for x in [2, 3] if x > 1), None)",
    "return next((x for x in [3] if x < 3), 2)",
    "try:\n    return next(x for x in [3] if x < 3)\nexcept StopIteration:\n    return 2",
    "return sum(i * x for i, x in enumerate([5, 2]))",
    "return {k: v for k, v in zip('ab', (1, 2))}['b']",
    "class A:\n    two = 2\nreturn A().two",
    "from collections import namedtuple\nP = namedtuple('P', 'one, two')\nreturn P(1, 2).two",
    "import collections\nreturn collections.namedtuple('P', ['one', 'two'])(1, 2).two",
    "try:\n    1 / 0\nexcept Exception as e:\n    return len(type(e).__name__) - 15",
    "return dict.fromkeys([1], 2)[1]",
    # A function of the program may read what it is given more than once.
    "def two(g):\n    return [next(g), next(g)]\nreturn two(x for x in [1, 2])[1]",
    "def twice(g):\n    return 2 * len(list(g)) + len(list(g))\nreturn twice((x for x in [1]))",
    "def size(g):\n    return len(list(g))\nreturn size(x\n    for x in [1, 2]\n)",
    "n = 0\nfor x in(y for y in [1, 1]):\n    n += x\nreturn n",
    "(y for y in [])\nreturn 2 if not(y for y in []) else 2",
    "c = {'a': 2, 'b': 1}\nreturn c[max(c, key=lambda k: c.get(k))]",
    "match {'a': 1, 'b': 2}:\n    case {'a': 1, **rest}:\n        return rest['b']",
    "import re\nreturn len(re.sub(r'(a)', r'\\g<1>b', 'a'))",
    "import re\nreturn len(re.sub(r'(a)', r'\\1-', 'a'))",
    "import copy\nreturn list(map(copy.copy, [2]))[0]",
    "import re\nreturn len(re.sub(r'(a)', r'\\\\1x', 'a')) // 2 + 1",
    # Names of methods may be fields.
    "import collections as c\nP = c.namedtuple('P', field_names='count')\nreturn P(2).count",
    "from collections import namedtuple\nf = ['index']\nreturn namedtuple('P', f)(2).index",
    "class A:\n    pass\na = A()\nsetattr(a, 'title', 2)\nreturn a.title",
    # Methods as values.
    "c = {'b': 1, 'a': 2}\nreturn c[max(c, key=c.get)]",
    "ds = [{1: 1}, {1: 2}]\nfs = [d.get for d in ds]\nreturn fs[0](1) + fs[0](1)",
    "a = []\nadd = a.append\nadd(1)\nadd(1)\nreturn len(a)",
    "return len(list(filter(str.isdigit, ['1', 'a', '2'])))",
    "return list(map(str.lower, ['A', 'B'])).index('b') + 1",
    "return len(str.join('', ['ä', 'b']))",
    "x = [1, 2, 2]\nreturn max(set(x), key=x.count)",
    "x = [1, 2, 2]\nreturn max(set(x), key=(x\n    or []).count)",
    "list = [1, 2, 2]\nreturn max([1, 2], key=list.count)",
    "return sorted({'a': 3, 'b': 1}.items(), key=lambda p: p[1])[0][1] * 2",
    # Modules at hand; names of annotations; imports that nobody misses.
    "class A:\n    def __init__(self):\n        self.cropped_image = 2\nreturn A().cropped_image",
    "return int(math.sqrt(4))",
    "return int(re.findall('[0-9]', 'a2')[0])",
    "def f(x: Patch, *rest: List[ImagePatch]) -> Optional[np.ndarray]:\n"
    "    y: torch.Tensor = 2\n    return y\nz: Tuple[int] = f(1)\nreturn z",
    "import numpy as np\nfrom PIL import Image\nreturn 2",
    "from image_patch import ImagePatch, distance\nreturn 2 + distance(image, image) + 1",
    "from x import (a,\n    b as c,  # a note\n    d)\nimport y; n = 2\nreturn n",
    "from typing import List, NamedTuple\nx: List[int] = [2]\nreturn x[0]",
    "try:\n    import cv2\nexcept ImportError:\n    pass\nreturn 2",
]


@pytest.mark.parametrize("body", PASSES)
def test_python_that_writers_use(body: str) -> None:
    assert answer(python(body)) == 2


REFUSED = [
    ("return undefined", "name", 2, "unknown name 'undefined'"),
    ("return imag.find('a')", "name", 2, "Did you mean 'image'?"),
    ("return image.fnd('a')", "name", 2, "Did you mean 'find'?"),
    ("return image.find()", "type", 2, "find needs object_name"),
    ("return image.find(3)", "type", 2, "find wants object_name: text, got number 3"),
    ("return image.verify_property('cup')", "type", 2, "needs 'attribute'"),
    ("return image.crop(1, 2, 3)", "type", 2, "needs 'upper'"),
    ("return image.crop(1, 2, 3, 4, 5)", "type", 2, "at most 4 arguments, got 5"),
    ("return image.simple_query(questions='a')", "type", 2, "Did you mean 'question'?"),
    ("return best_image_match([image])", "type", 2, "needs 'content'"),
    ("return x\nx = 1", "name", 2, "'x' is used before it is set in line 3"),
    ("return (1", "syntax", 2, "never closed"),
    ("yield 1", "syntax", 2, "the sandbox has no yield"),
    ("import numpy\nreturn numpy.mean([1])", "name", 2, "no module 'numpy' here"),
    ("import numpy as np\nreturn np.mean([1])", "name", 2, "no module 'numpy' here"),
    ("import torch, math\nreturn torch.ones(math.floor(1.0))", "name", 2, "no module 'torch'"),
    ("from math import *\nreturn 1", "syntax", 2, "import *"),
    ("class A(dict):\n    pass\nreturn 1", "syntax", 2, "no inheritance"),
    ("async def f():\n    pass\nreturn 1", "syntax", 2, "not asynchronous"),
    ("open('x')\nreturn 1", "name", 2, "'open' does not exist in the sandbox"),
    ("return image.__class__", "name", 2, "does not exist in the sandbox"),
    ("x = [1]\ndel x[0]\nreturn x", "syntax", 3, "no del"),
    ("try:\n    pass\nexcept* OSError:\n    pass\nreturn 1", "syntax", 2, "no except*"),
    ("class A:\n    @property\n    def x(self):\n        return 1", "syntax", 4, "decorators"),
    ("return callable(image)", "name", 2, "'callable' does not exist in the sandbox"),
    ("return str.maketrans('a', 'b')", "name", 2, "'lambda v: v.maketrans()'"),
    ("c = {}\nreturn f'{max(c, key=c.get)}'", "name", 3, "write 'lambda v: c.get(v)'"),
    ("class A:\n    def __lt__(self, other):\n        return 1", "syntax", 3, "call __lt__"),
    ("import re\nreturn re.sub('(a)', r'\\1cm', 'a')", "syntax", 3, r"write the group \1 as \g<1>"),
    (
        "from functools import cmp_to_key\nreturn cmp_to_key(1)", "name", 2,
        "functools has no 'cmp_to_key'",
    ),
    ("import collections\nreturn collections.OrderedDict()", "name", 3, "'OrderedDict'"),
    ("return image.__name__ + image.__dict__", "name", 2, "'__dict__' does not exist"),
    ("return _vp_call", "name", 2, "belong to the engine"),
]  # fmt: skip


@pytest.mark.parametrize(("body", "kind", "line", "words"), REFUSED)
def test_an_error_names_its_place_and_what_would_be_right(
    body: str, kind: str, line: int, words: str
) -> None:
    with pytest.raises(ProgramError) as caught:
        Checker(TOOLS).check(python(body), 1)
    assert (caught.value.kind, caught.value.line) == (kind, line)
    assert words in caught.value.message


WHOLE = [
    ("x = 1", "it defines no function"),
    ("def f(image):\n    return 1", "it defines f"),
    ("class A:\n    def execute_command(self):\n        return 1", "it defines no function"),
    ("def execute_command():\n    return 1", "takes 0 pictures"),
    ("def execute_command(left, right):\n    return 1", "takes 2 pictures"),
    ("def execute_command(*images):\n    return 1", "plain parameters"),
    ("def execute_command(question, image):\n    return 1", "pictures first"),
    ("", "it defines no function"),
]


@pytest.mark.parametrize(("text", "words"), WHOLE)
def test_a_program_defines_execute_command(text: str, words: str) -> None:
    with pytest.raises(ProgramError, match=words):
        Checker(TOOLS).check(Program(text, "python"), 1)


def test_imports_at_the_top_that_nobody_misses() -> None:
    top = "from __future__ import annotations\nfrom image_patch import *\nimport numpy as np\n"
    text = f"{top}\n{python('return 2').text}"
    assert answer(Program(text, "python")) == 2
    used = f"import image_patch\n{python('return image_patch.x').text}"
    with pytest.raises(ProgramError, match="no module 'image_patch'"):
        Checker(TOOLS).check(Program(used, "python"), 1)


def test_a_verdict_is_remembered_and_raised_afresh() -> None:
    checker = Checker(TOOLS)
    raised = []
    for _ in range(2):
        with pytest.raises(ProgramError) as caught:
            checker.check(python("return undefined"), 1)
        raised.append(caught.value)
    assert raised[0] is not raised[1]
    assert str(raised[0]) == str(raised[1])
    program = python("return 1")
    assert checker.check(program, 1) is checker.check(program, 1)


def test_memory_of_verdicts_is_bounded() -> None:
    checker = Checker(TOOLS, entries=5)
    for n in range(20):
        checker.check(python(f"return {n}"), 1)
    assert len(checker._known) == 5
