"""The tables of hostile programs: what each tries and how it must end."""
# ruff: noqa: E501

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from fakes import python


@dataclass(frozen=True)
class Attack:
    """A program, and how it must end: kinds of failure, or answers that give nothing away."""

    name: str
    text: str
    kinds: tuple[str, ...] = ()
    answers: tuple[Any, ...] = ()


def fails(name: str, kinds: str, body: str) -> Attack:
    return Attack(name, python(body).text, kinds=tuple(kinds.split()))


def says(name: str, body: str, *answers: Any) -> Attack:
    return Attack(name, python(body).text, answers=answers)


REACHING_OUT = [
    fails("open", "name", "return open('SECRET').read()"),
    fails("open of a device", "name", "return open('/dev/mem', 'rb').read(10)"),
    fails("pathlib", "name", "import pathlib\nreturn pathlib.Path('SECRET').read_text()"),
    fails("io", "name", "import io\nreturn io.open('SECRET').read()"),
    fails("os", "name", "import os\nreturn os.environ['CANARY']"),
    fails("os under another name", "name", "import os.path as math\nreturn math.os.environ"),
    fails("from os", "name", "from os import environ\nreturn environ['CANARY']"),
    fails("sys", "name", "import sys\nreturn list(sys.modules)"),
    fails("subprocess", "name", "import subprocess\nreturn subprocess.check_output(['env'])"),
    fails("socket", "name", "import socket\nreturn socket.socket().connect(('10.0.0.1', 80))"),
    fails(
        "urllib", "name", "import urllib.request\nreturn urllib.request.urlopen('file://SECRET')"
    ),
    fails("ctypes", "name", "import ctypes\nreturn ctypes.string_at(0)"),
    fails("threading", "name", "import threading\nthreading.Thread(target=print).start()"),
    fails("fork bomb", "name", "import os\nwhile True:\n    os.fork()"),
    fails("process pool", "name", "import multiprocessing\nreturn multiprocessing.Pool(1000)"),
    fails("pickle", "name", "import pickle\nreturn pickle.loads(b'cos\\nsystem\\n.')"),
    fails("importlib", "name", "import importlib\nreturn importlib.import_module('os').environ"),
    fails("__import__", "name", "return __import__('os').environ['CANARY']"),
    fails("relative import", "name", "from . import engine\nreturn engine"),
    fails("the host's own package", "name", "import vprog.engine\nreturn vprog.engine"),
    fails("the host's test module", "name", "import test_sandbox_attacks as t\nreturn t.CANARY"),
    fails("builtins", "name", "import builtins\nreturn builtins.open('SECRET').read()"),
    fails("gc", "name", "import gc\nreturn gc.get_objects()"),
    fails("inspect", "name", "import inspect\nreturn inspect.stack()"),
    fails("a module through a module", "name", "import json\nreturn json.codecs.open('SECRET')"),
    fails("os through re", "name runtime", "import re\nreturn getattr(re, 'enum').sys.modules"),
    fails("random's os", "name", "import random\nreturn getattr(random, '_os').environ"),
    fails(
        "SystemRandom", "name runtime type", "import random\nreturn random.SystemRandom().random()"
    ),
    fails("input", "name", "return input()"),
    fails("breakpoint", "name", "breakpoint()\nreturn 1"),
]

REFLECTION = [
    fails("class chain", "name", "return ().__class__.__bases__[0].__subclasses__()"),
    fails("class of a patch", "name", "return image.__class__.__init__.__globals__"),
    fails("globals of a method", "name", "return image.find.__globals__"),
    fails("format string", "name", "return '{0.__globals__}'.format(image.find)"),
    fails("format map", "name runtime", "return '{x.__globals__}'.format_map({'x': image.find})"),
    fails("f-string", "name", "return f'{image.find.__globals__}'"),
    says("getattr", "return str(getattr(image.find, '__globals__', None))", "None"),
    says("getattr of a closure", "return str(getattr(distance, '__closure__', None))", "None"),
    says("getattr of code", "return str(getattr(lambda: 1, '__code__', None))", "None"),
    says("getattr of __dict__", "return str(getattr(image, '__dict__', None))", "None"),
    fails("built names", "name", "return getattr(getattr([], '__cla' + 'ss__'), '__ba' + 'se__')"),
    fails("subclasses", "name", "return getattr(object, '__subcl' + 'asses__')()"),
    fails(
        "frames",
        "name",
        "try:\n    1 / 0\nexcept Exception as e:\n    return e.__traceback__.tb_frame",
    ),
    says(
        "frames by getattr",
        "try:\n    1 / 0\nexcept Exception as e:\n    return str(getattr(e, '__traceback__', None))",
        "None",
    ),
    fails("__builtins__", "name", "return __builtins__"),
    fails("globals", "name", "return globals()['CANARY']"),
    fails("locals", "name", "return locals()"),
    fails("vars", "name", "return vars(image)"),
    fails("a host global", "name", "return CANARY"),
    fails("exec", "name", "exec('import os')\nreturn 1"),
    fails("eval", "name", "return eval('__import__(\"os\")')"),
    fails("eval in a map", "name", "return list(map(eval, ['1']))"),
    fails("compile", "name", "return compile('1', 'x', 'eval')"),
    fails("metaclass", "type", "return type('Patch', (ImagePatch,), {})"),
    fails("inheritance", "syntax", "class Mine(ImagePatch):\n    pass\nreturn 1"),
    fails("dunder method", "name runtime", "return image.find.__call__('cup')"),
    fails("id", "name", "return id(image)"),
]

ENGINE = [
    fails("the engine's call", "name", "return _vp_call('find', 'detect', [])"),
    fails("the engine's record", "name", "_vp_log.clear()\nreturn 1"),
    fails("the engine's state", "name", "global _vp_state\n_vp_state = [0, None]\nreturn 1"),
    fails("an attribute of the engine", "name", "image._vp_picture = ['q', 9]\nreturn 1"),
    says("the engine's method", "return str(getattr(image, '_vp_reg' + 'ion')())", "['p', 0, 0, 40, 30]"),
    fails("a foreign picture", "runtime", "setattr(image, '_vp_pict' + 'ure', ['q', 9])\nreturn image.find('x')"),
    fails("a foreign picture as answer", "runtime", "setattr(image, '_vp_pict' + 'ure', ['q', 9])\nreturn image"),
    fails("an unhashable picture", "type", "setattr(image, '_vp_pict' + 'ure', [[1], 9])\nreturn image.find('x')"),
    fails("an unhashable picture as answer", "runtime", "setattr(image, '_vp_pict' + 'ure', [{}, 9])\nreturn image"),
    fails("a picture of no height", "runtime", "setattr(image, '_vp_pict' + 'ure', [])\nreturn image"),
    fails("a region that is a dict", "type", "setattr(ImagePatch, '_vp_reg' + 'ion', lambda s: {'a': 1})\nreturn image.find('x')"),
    fails("a region that is text", "runtime", "setattr(ImagePatch, '_vp_reg' + 'ion', lambda s: 'p')\nreturn image"),
    fails("a region of six", "runtime", "setattr(ImagePatch, '_vp_reg' + 'ion', lambda s: ['p', 0, 0, 1, 1, 1])\nreturn image"),
    fails("edges that are no numbers", "runtime", "image.left = float('nan')\nreturn image.find('x')"),
    fails("endless edges", "runtime", "return ImagePatch(image, 0, 0, float('inf'), 3).find('x')"),
    fails("edges beyond floats", "runtime", "image.left = 10 ** 400\nreturn image.find('x')"),
    fails("edges beyond floats as answer", "runtime", "image.left = 10 ** 400\nreturn image"),
    fails("edges that are no number", "runtime", "return image.crop(0, 0, float('nan'), 3).find('x')"),
    fails("edges that overflow", "runtime", "return ImagePatch(image, -1e308, -1e308, 1e308, 1e308)"),
    fails("edges that are text", "runtime", "image.left = '0'\nreturn image"),
    fails("edges that are missing", "runtime type", "image.left = None\nreturn image"),
    fails("an answer that is no number", "runtime", "return [float('nan')]"),
    fails("an endless answer", "runtime", "return {'a': float('inf')}"),
    fails("an answer of 5,000 digits", "runtime", "return 10 ** 5000"),
    fails("an answer that holds itself", "limit", "x = []\nx.append(x)\nreturn x"),
    fails("an answer that is code", "type", "return lambda: 1"),
    fails("an answer of 100,000 levels", "limit", "x = []\nfor i in range(100000):\n    x = [x]\nreturn x"),
    fails("an answer of 10 MB", "limit", "return 'x' * 10_000_000"),
    fails("an answer of a million numbers", "limit", "return list(range(1_000_000))"),
    fails("a question of 10 MB", "limit", "return image.simple_query('x' * 10_000_000)"),
    fails("json replaced", "name", "import json\njson.dumps = lambda x: '[]'\nreturn 1"),
    fails("json replaced by setattr", "name", "import json\nsetattr(json, 'loads', print)\nreturn 1"),
    fails("random replaced", "name", "import random\nrandom.seed = print\nreturn 1"),
    fails("list replaced", "name", "list.count = lambda s, x: 9\nreturn 1"),
    fails("Exception replaced", "name", "setattr(Exception, 'args', 3)\nreturn 1"),
    says("the API replaced", "ImagePatch.find = lambda s, n: [s] * 9\nreturn len(image.find('x'))", 9),
    says("the API replaced by setattr", "setattr(ImagePatch, 'find', lambda s, n: [])\nreturn len(image.find('x'))", 0),
    fails("the API replaced by object", "name", "getattr(object, '__setattr__')(ImagePatch, 'find', 1)\nreturn 1"),
    says("the API as a dataclass", "import dataclasses\ndataclasses.dataclass(ImagePatch)\nreturn 1", 1),
    says("own len", "def len(x):\n    return 99\nreturn len([])", 99),
    says("global len", "global len\nlen = lambda x: 99\nreturn len([])", 99),
    says("own ImagePatch", "class ImagePatch:\n    pass\nreturn str(ImagePatch is type(image))", "False"),
    Attack("own execute_command", "def execute_command(image):\n    return 1\nexecute_command = 5", ("type",)),
    Attack("code at import", "def execute_command(image):\n    return 1\nwhile True:\n    pass", ("limit",)),
    Attack("failure at import", "def execute_command(image):\n    return 1\nraise ValueError", ("runtime",)),
]  # fmt: skip

RESOURCES = [
    fails("while True", "limit", "while True:\n    pass"),
    fails("endless comprehension", "limit", "return sum([x * 0 for x in range(10 ** 12)])"),
    fails("endless sum", "limit", "return sum(range(10 ** 12))"),
    fails("endless count", "limit", "import itertools\nfor i in itertools.count():\n    pass"),
    fails("recursion", "limit", "def f(n):\n    return f(n + 1)\nreturn f(0)"),
    fails("recursion of a lambda", "limit", "f = lambda g: g(g)\nreturn f(f)"),
    fails("a doubling text", "limit", "x = 'x'\nwhile True:\n    x += x"),
    fails("a doubling list", "limit", "x = [1]\nwhile True:\n    x += x"),
    fails("a large text", "limit", "return len('x' * 2 ** 40)"),
    fails("large bytes", "limit", "return len(b'x' * 2 ** 40)"),
    fails("a large list", "limit", "return len([0] * 2 ** 40)"),
    fails("a large power", "limit", "return 10 ** 10 ** 10 > 1"),
    fails("a large shift", "limit", "return (1 << 10 ** 10) > 1"),
    fails("a large factorial", "limit", "import math\nreturn math.factorial(10 ** 7) > 1"),
    fails("a wide format", "limit", "return len('{:>100000000000}'.format(1))"),
    fails("a wide f-string", "limit", "return len(f'{1:>{10 ** 11}}')"),
    fails("a wide %", "limit", "return len('%100000000000d' % 1)"),
    fails("a wide rjust", "limit", "return len('x'.rjust(10 ** 11))"),
    fails("replace", "limit", "return len('x'.replace('', 'y' * 10 ** 8))"),
    fails("join", "limit", "return len('ab'.join(['x' * 1000] * 10 ** 6))"),
    fails("permutations", "limit", "import itertools\nreturn len(list(itertools.permutations(range(20))))"),
    fails("a sorted range", "limit", "return sorted(range(10 ** 9))[0]"),
    fails("nested copies", "limit", "import copy\nx = []\nfor i in range(10 ** 5):\n    x = [x]\nreturn len(copy.deepcopy(x))"),
    fails("nested comparison", "limit", "x = []\ny = []\nfor i in range(10 ** 5):\n    x = [x]\n    y = [y]\nreturn x == y"),
    fails("deep JSON", "runtime", "import json\nreturn json.loads('[' * 10 ** 5)"),
    fails("a regular expression of nested plus", "runtime", "import re\nreturn re.match(r'(\\w+\\s?)*\\1!', 'word ' * 400)"),
    says("(a+)+", "import re\nreturn re.match('(a+)+$', 'a' * 40 + 'b') is None", True),
    fails("a large automaton", "runtime limit", "import re\nreturn re.match('((a{1000}){1000}){1000}', 'a')"),
    says("a flood of prints", "for i in range(1000):\n    print('x' * 10 ** 5)\nreturn 1", 1),
    says("sleep", "import time\ntime.sleep(10 ** 6)\nreturn 1", 1),
    fails("a flood of calls", "limit", "for i in range(10 ** 6):\n    image.exists(str(i))\nreturn 1"),
    fails("a flood of equal calls", "limit", "while True:\n    image.exists('x')"),
    fails("work before every call", "limit", "x = 0\nfor i in range(10 ** 6):\n    x += i\nfor i in range(10 ** 6):\n    image.exists(str(i))"),
    Attack("deep brackets", "def execute_command(image):\n    return " + "(" * 5000 + ")" * 5000, ("syntax",)),
    Attack("deep minus", "def execute_command(image):\n    return " + "-" * 40_000 + "1", ("syntax",)),
    Attack("a long sum", "def execute_command(image):\n    return " + "+".join("1" * 9000), ("syntax",)),
    Attack("a long program", "def execute_command(image):\n" + "    x = 1\n" * 10_000, ("syntax",)),
    Attack("a large number", "def execute_command(image):\n    return image.find(0x" + "f" * 9000 + ")", ("type",)),
    Attack("null bytes", "def execute_command(image):\n    return '\0'", ("syntax",)),
    Attack("half a character", "def execute_command(image):\n    return '\ud800'", ("syntax",)),
]  # fmt: skip

CONTROL = [
    says("bare except", "try:\n    x = image.find('x')\nexcept:\n    return 'caught'\nreturn len(x)", 2),
    says("BaseException", "try:\n    x = image.find('x')\nexcept BaseException:\n    return 'caught'\nreturn len(x)", 2),
    says("BaseException among others", "try:\n    x = image.find('x')\nexcept (ValueError, BaseException):\n    return 0\nreturn len(x)", 2),
    says("KeyboardInterrupt", "try:\n    x = image.find('x')\nexcept KeyboardInterrupt:\n    return 0\nreturn len(x)", 2),
    says("BaseException by another name", "E = BaseException\ntry:\n    x = image.find('x')\nexcept E:\n    return 'caught'\nreturn len(x)", 2),
    says("BaseException from a function", "def every():\n    return BaseException\ntry:\n    x = image.find('x')\nexcept every():\n    return 0\nreturn len(x)", 2),
    says("answers of a stopped program", "try:\n    x = image.find('x')\nfinally:\n    y = 1\nreturn len(x) + y", 3),
    fails("return in finally", "syntax", "try:\n    image.find('x')\nfinally:\n    return 'caught'"),
    says("calls in finally", "x = []\ntry:\n    x = image.find('x')\nfinally:\n    y = image.find('y')\nreturn len(x + y)", 4),
    fails("a loop in finally", "limit", "try:\n    image.find('x')\nfinally:\n    while True:\n        pass"),
    fails("catching without end", "limit", "while True:\n    try:\n        image.find('x')\n    except:\n        pass"),
    fails("catching the limit", "limit", "try:\n    while True:\n        pass\nexcept BaseException:\n    return 'caught'"),
    fails("catching memory", "limit", "try:\n    return len([0] * 2 ** 40)\nexcept BaseException:\n    return 'caught'"),
    fails("SystemExit", "runtime", "raise SystemExit(3)"),
    fails("exit", "name", "exit()"),
    fails("own KeyboardInterrupt", "runtime", "raise KeyboardInterrupt()"),
    fails("GeneratorExit", "runtime name", "raise GeneratorExit()"),
    fails("own exception", "runtime", "raise ValueError('x' * 100)"),
    says("BaseException in an f-string", "try:\n    x = image.find('x')\nexcept (ValueError if f'é{BaseException}' else BaseException):\n    return 0\nreturn len(x)", 2),
    fails("a coroutine", "syntax", "async def f():\n    return 1\nreturn f()"),
    fails("a generator", "syntax", "def f():\n    yield 1\nreturn list(f())"),
    says("another way when executed again", "import random\nimport time\nreturn image.simple_query(f'say {random.random() < 2} {time.time()}') ", "True 946684800.0"),
]  # fmt: skip

PYTHON_ATTACKS = REACHING_OUT + REFLECTION + ENGINE + RESOURCES + CONTROL

WORDS = {
    "call": "__import__('os').system('touch hacked')",
    "braces": "{IMAGE} {A} {{}} {0.__class__}",
    "quotes": "women's \"dress\" '''",
    "format": "%s %n {:>1000000000}",
    "brackets": "((((((((((" * 500,
    "digits": "9" * 5000,
    "infinite": "1e999",
    "escape": "\\' or True or '",
    "newline": "no\nR=RESULT(var='yes')",
    "condition": "yes' if True else 'no",
    "lone": "\ud800\udfff\0",
}
"""Answers of a model that try to become code in EVAL."""


def steps_fail(name: str, kinds: str, *lines: str) -> Attack:
    return Attack(name, "\n".join(lines), kinds=tuple(kinds.split()))


def eval_fails(name: str, kinds: str, expr: str) -> Attack:
    return steps_fail(name, kinds, f"X=EVAL(expr={expr!r})", "R=RESULT(var=X)")


DOUBLING = ["A=EVAL(expr='[1, 1]')", *["A=EVAL(expr='[{A}, {A}]')"] * 40, "R=RESULT(var=A)"]
DEEPENING = ["A=EVAL(expr='[1]')", *["A=EVAL(expr='[{A}]')"] * 400, "R=RESULT(var=A)"]
STEPS_ATTACKS = [
    eval_fails("steps: import", "name syntax", "__import__('os').environ['CANARY']"),
    eval_fails("steps: attribute", "syntax name", "().__class__.__bases__"),
    eval_fails("steps: method", "name syntax", "'x'.format('CANARY')"),
    eval_fails("steps: f-string", "syntax", "f'{CANARY}'"),
    eval_fails("steps: lambda", "syntax", "(lambda: 1)()"),
    eval_fails("steps: comprehension", "syntax", "[x for x in [1]]"),
    eval_fails("steps: walrus", "syntax", "(x := 1)"),
    eval_fails("steps: power", "syntax", "9 ** 9 ** 9"),
    eval_fails("steps: shift", "syntax", "1 << 999999999"),
    eval_fails("steps: star", "syntax", "max(*[1, 2])"),
    eval_fails("steps: slice", "syntax", "'abc'[0:2]"),
    eval_fails("steps: open", "name", "open('SECRET')"),
    eval_fails("steps: a host global", "name", "CANARY"),
    eval_fails("steps: variable without braces", "name", "IMAGE"),
    eval_fails("steps: the engine's prefix", "name", "v__IMAGE"),
    eval_fails("steps: the engine's xor", "syntax", "xor__ or 1"),
    eval_fails("steps: code in braces", "syntax", "{IMAGE.__class__}"),
    eval_fails("steps: format in braces", "syntax", "{IMAGE!r:>9}"),
    eval_fails("steps: nested braces", "syntax", "{{IMAGE}}"),
    eval_fails("steps: deep brackets", "syntax", "(" * 4000 + "1" + ")" * 4000),
    eval_fails("steps: deep not", "syntax", "not " * 2000 + "1"),
    eval_fails("steps: large number", "limit", "9" * 4000),
    eval_fails("steps: large hexadecimal", "limit", "0x" + "f" * 9000),
    eval_fails("steps: products", "limit", "*".join(["999999999999"] * 40)),
    eval_fails("steps: rounding for hours", "limit", "round(5, -999999999999)"),
    eval_fails("steps: text times number", "type", "'x' * 99999999999"),
    eval_fails("steps: nothing", "syntax", ""),
    steps_fail("steps: doubling", "limit", *DOUBLING),
    steps_fail("steps: deepening", "limit", *DEEPENING),
    steps_fail("steps: an image times a thousand", "limit", "A=EVAL(expr='[1,2,3,4,5,6,7,8,9]')",
               *["A=EVAL(expr='{A} + {A} + {A}')"] * 12, "R=RESULT(var=A)"),
    steps_fail("steps: repeated result", "limit", "A=EVAL(expr='[1,2,3,4,5,6,7,8,9]')",
               *["A=EVAL(expr='{A} + {A} + {A}')"] * 6,
               "R=RESULT(var=[" + ",".join(["A"] * 5000) + "])"),
    steps_fail("steps: searching for minutes", "limit", "L=EVAL(expr='[" + "1," * 900 + "1]')",
               "M=EVAL(expr='{L} + {L} + {L}')", "Z=EVAL(expr='" + "{L}[0] in {M} or " * 500 + "0')", "R=RESULT(var=Z)"),
    steps_fail("steps: python", "syntax", "import os", "R=RESULT(var=os.environ)"),
    steps_fail("steps: a call as argument", "syntax", "R=RESULT(var=open('SECRET'))"),
    steps_fail("steps: an attribute as argument", "syntax", "R=RESULT(var=IMAGE.picture)"),
    steps_fail("steps: a lambda as argument", "syntax", "R=RESULT(var=lambda: 1)"),
    steps_fail("steps: a format as argument", "syntax", "R=RESULT(var=f'{IMAGE}')"),
    steps_fail("steps: deep lists", "syntax", "R=RESULT(var=" + "[" * 99 + "]" * 99 + ")"),
    steps_fail("steps: a question that is code", "type", "A=LIST(query='x',max='9')", "R=RESULT(var=A)"),
    steps_fail("steps: an endless list", "limit", "A=LIST(query='x',max=1e999)", "R=RESULT(var=A)"),
    steps_fail("steps: a module by another name", "syntax", "A=(LOC)(image=IMAGE)(1)", "R=RESULT(var=A)"),
    steps_fail("steps: a dunder module", "name", "A=__import__(name='os')", "R=RESULT(var=A)"),
    steps_fail("steps: stars", "syntax", "A=LOC(**{'image': IMAGE})", "R=RESULT(var=A)"),
    steps_fail("steps: 3,000 calls", "limit",
               *[f"A=VQA(image=IMAGE,question='{n}')" for n in range(1000)], "R=RESULT(var=A)"),
    steps_fail("steps: a long program", "syntax", *["A=EVAL(expr='1')"] * 5000, "R=RESULT(var=A)"),
    steps_fail("steps: null bytes", "syntax", "R=RESULT(var='\0')"),
    steps_fail("steps: half a character", "syntax", "R=RESULT(var='\ud800')"),
]  # fmt: skip
