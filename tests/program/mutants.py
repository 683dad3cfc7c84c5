"""Random programs: seeds of both languages, mutations of their text, and programs from nothing."""

from __future__ import annotations

import ast
import random
import re

from vprog.program import Language

STEPS_SEEDS = (
    "BOX0=LOC(image=IMAGE,object='red cup')\nANSWER0=COUNT(box=BOX0)\n"
    "ANSWER1=EVAL(expr=\"'yes' if {ANSWER0} > 0 else 'no'\")\nFINAL_RESULT=RESULT(var=ANSWER1)",
    '# a comment\n\nB=LOC(image=IMAGE, object="TOP")\nI=CROP_LEFTOF(image=IMAGE,box=B)\n'
    "A=VQA(image=I,question='say what?')\nR=RESULT(var=A)\n",
    "F=FACEDET(image=IMAGE)\nS=SELECT(image=IMAGE,object=F,query='big',category=None)\n"
    "C=CLASSIFY(image=IMAGE,object=S,categories=['cat','dog'])\nT=TAG(image=IMAGE,object=C)\n"
    "E=EMOJI(image=T,object=C,emoji='smiling')\nR=RESULT(var=E)",
    "L=LIST(query='say a, b, c',max=2)\nX=EVAL(expr='len({L}) == 2 and not {L}[0] == \"b\"')\n"
    "Y=EVAL(expr='{X} xor round(-1.5 + 2 * 3, 1) >= max(1, 2)')\nR=RESULT(var=Y)",
    "A=COLORPOP(image=IMAGE,object=[IMAGE])\nB=BGBLUR(image=A,object=[IMAGE,A])\n"
    "C=CROP(image=B,box=[A])\nD=DEPTH(image=C)\nR=RESULT(var=[D,'x',-1,None,True])",
)
PYTHON_SEEDS = (
    "def execute_command(image):\n    cups = image.find('red cup')\n    if len(cups) == 0:\n"
    "        return 'no'\n    cups.sort(key=lambda p: p.horizontal_center)\n"
    "    return cups[0].simple_query('say what?')\n",
    "import math\n\ndef execute_command(image, question):\n    best = None\n"
    "    for patch in image.find('dog'):\n        near = patch.compute_depth()\n"
    "        if best is None or near < best:\n            best = near\n"
    "    # nothing\n    return math.floor(best) if best is not None else question\n",
    "def near(a, b, limit=3.5):\n    return distance(a, b) < limit\n\n"
    "def execute_command(image):\n    a, *rest = image.find('cat')\n    return "
    "bool_to_yesno(all([near(a, r) for r in rest]) or a.overlaps_with(0, 0, 5.5, 1))\n",
    "def execute_command(image):\n    try:\n        part = image.crop(1, 2, 30, 20)\n"
    "        ok = part.exists('x') and not part.verify_property('cup', 'red')\n    except:\n"
    "        ok = False\n    finally:\n        n = coerce_to_numeric('3 cups')\n"
    "    return {'ok': ok, 'n': n, 'p': part, 'l': [part.best_text_match(['a', 'bc'])]}\n",
    "def execute_command(image):\n    total = 0\n    while total < 5:\n        total += 1\n"
    "    best = best_image_match(image.find('a'), ['x', 'y'])\n"
    "    words = f\"{total:>3} {best.width!r} {llm_query('say 1')}\".split(' ')\n"
    "    return sorted(set(words))[-1][::2] + '%d' % total\n",
)
SEEDS: dict[Language, tuple[str, ...]] = {"steps": STEPS_SEEDS, "python": PYTHON_SEEDS}

CHARACTERS = "()[]{}'\"\\,.:=+-*/%<>!@#$&|^~`;? \n\t\r\0\x0caA0_9éß中🦊\ud800\u2028\ufeffﬁ"
TOKENS = (
    "IMAGE", "LOC", "EVAL", "RESULT", "None", "True", "lambda", "yield", "await", "async", "def",
    "class", "import", "os", "return", "for", "in", "if", "else", "xor", "not", "(", ")", "[", "]",
    "{", "}", "{A}", "**", "*", ":=", "==", "=", "1e999", "0x" + "f" * 5000, "9" * 40, "-1", "''",
    "f'{x!r:>{n}}'", "b'x'", "1j", "...", "image", "find", "__class__", "_vp_call", "global x\n",
    "del x", "raise", "try:", "except:", "finally:", "with x as y:", "match x:", "case _:", "while",
    "break", "continue", "assert", "@", "print", "\\\n", "\n", "    ", "#", "'''", "ImagePatch",
)  # fmt: skip
_TOKEN = re.compile(r"\w+|\s+|[^\w\s]")


def mutated(rng: random.Random, language: Language) -> str:
    """A seed after one to four changes of characters, tokens, lines or syntax trees."""
    text = rng.choice(SEEDS[language])
    for _ in range(rng.choice((1, 1, 2, 4))):
        text = rng.choice(_CHANGES)(rng, text, language)
    return text


def _character(rng: random.Random, text: str, language: Language) -> str:
    at = rng.randrange(len(text) + 1)
    new = rng.choice(("", rng.choice(CHARACTERS), chr(rng.randrange(0x3000))))
    return text[:at] + new + text[at + rng.randrange(2) :]


def _token(rng: random.Random, text: str, language: Language) -> str:
    parts = _TOKEN.findall(text) or [""]
    at = rng.randrange(len(parts))
    match rng.randrange(4):
        case 0:
            parts[at] = rng.choice(TOKENS)
        case 1:
            parts[at] = rng.choice(parts)
        case 2:
            parts.insert(at, rng.choice(TOKENS))
        case _:
            del parts[at]
    return "".join(parts)


def _line(rng: random.Random, text: str, language: Language) -> str:
    lines = text.split("\n")
    at = rng.randrange(len(lines))
    match rng.randrange(5):
        case 0:
            del lines[at]
        case 1:
            lines.insert(at, lines[at])
        case 2:
            rng.shuffle(lines)
        case 3:
            lines[at] = " " * rng.randrange(9) + lines[at].strip()
        case _:
            lines.insert(at, rng.choice(rng.choice(SEEDS[language]).split("\n")))
    return "\n".join(lines)


def _tree(rng: random.Random, text: str, language: Language) -> str:
    """Replaces one expression of a program that still parses by another of any program."""
    try:
        tree = ast.parse(text)
        other = ast.parse(rng.choice(SEEDS[rng.choice(("steps", "python", language))]))
        places = [
            (node, field, n)
            for node in ast.walk(tree)
            for field, value in ast.iter_fields(node)
            for n in ([None] if isinstance(value, ast.expr) else
                      range(len(value)) if isinstance(value, list) else [])
            if n is None or isinstance(value[n], ast.expr)
        ]  # fmt: skip
        new = rng.choice([n for n in ast.walk(other) if isinstance(n, ast.expr)])
        node, field, n = rng.choice(places)
        if n is None:
            setattr(node, field, new)
        else:
            getattr(node, field)[n] = new
        return ast.unparse(tree)
    except Exception:  # what cannot be parsed or written is left as it is
        return text


_CHANGES = (_character, _token, _line, _tree)


def written(rng: random.Random, language: Language) -> str:
    """A program out of a small grammar: usually valid, over values of random kinds."""
    return _steps(rng) if language == "steps" else _python(rng)


def _steps(rng: random.Random) -> str:
    names = ["IMAGE"]
    lines = []
    modules = (
        "LOC(image={},object='cup')", "CROP(image={},box={})", "COUNT(box={})", "FACEDET(image={})",
        "VQA(image={},question='say 2')", "EVAL(expr='{{{}}} == {{{}}}')", "EVAL(expr='{{{}}}*2')",
        "EVAL(expr='[{{{}}}, {{{}}}]')", "EVAL(expr='len({{{}}})')", "EVAL(expr='{{{}}}[0]')",
        "EVAL(expr='sorted({{{}}}) if {{{}}} else -{{{}}}')", "TAG(image={},object={})",
        "SELECT(image={},object={},query='big')", "CLASSIFY(image={},object={},categories={})",
        "COLORPOP(image={},object={})", "LIST(query='say a,b')", "EVAL(expr='{{{}}} in {{{}}}')",
        "CROP_BELOW(image={},box={})", "EMOJI(image={},object={},emoji={})", "DEPTH(image={})",
    )  # fmt: skip
    for n in range(rng.randrange(1, 9)):
        module = rng.choice(modules)
        count = module.replace("{{", "").replace("}}", "").count("{}")
        lines.append(f"V{n}=" + module.format(*(rng.choice(names[-4:]) for _ in range(count))))
        names.append(f"V{n}")
    return "\n".join([*lines, f"R=RESULT(var={rng.choice(names)})"])


def _python(rng: random.Random) -> str:
    def value(depth: int) -> str:
        if depth > 3:
            return rng.choice(("image", "x", "0", "1.5", "'say 3'", "None", "True", "[]", "x", "x"))
        v = value(depth + 1)
        w = value(depth + 1)
        return rng.choice((
            f"{v} + {w}", f"{v} == {w}", f"{v} < {w}", f"({v}, {w})", f"[{v} for x in {w}]",
            f"{v}.find({w})", f"{v}.simple_query({w})", f"len({v})", f"str({v})", f"{v}[{w}]",
            f"({v} if {w} else x)", f"(not {v})", f"{v}.crop(0, 1, {w}, 9)", f"{v}.left",
            f"{{{v}: {w}}}", f"f'{{{v}}}'", f"(lambda x: {v})({w})", f"distance({v}, {w})",
            f"max({v}, {w})", f"best_image_match({v}, {w})", f"coerce_to_numeric({v})",
            f"{v}.compute_depth()", f"{v}.exists('no')", f"sorted({v}, key=lambda x: {w})",
            f"{v} * 3", f"-{v}", f"{v} / {w}", f"{v} and {w}", f"{v} in {w}", f"print({v})",
            v, v, v,
        ))  # fmt: skip

    lines = ["x = image"]
    indent = ""
    for _ in range(rng.randrange(1, 7)):
        kind = rng.randrange(9)
        lines.append(indent + (
            f"x = {value(1)}" if kind < 4 else
            f"if {value(2)}:" if kind == 4 else
            f"for x in {value(2)}:" if kind == 5 else
            f"return {value(1)}" if kind == 6 else
            f"x.left = {value(2)}" if kind == 7 else
            f"assert {value(2)}"
        ))  # fmt: skip
        if lines[-1].endswith(":"):
            indent += "    "
            lines.append(indent + "pass")
    return "\n    ".join(["def execute_command(image):", *lines]) + "\n    return x\n"


def noise(rng: random.Random) -> str:
    """Text that is no program: characters, tokens, or any Unicode."""
    size = rng.randrange(80)
    return rng.choice((
        "".join(rng.choices(CHARACTERS, k=size)),
        " ".join(rng.choices(TOKENS, k=size // 4)),
        "".join(chr(rng.randrange(0x11000)) for _ in range(size)),
        rng.choice("([{-~") * rng.randrange(20_000),
        "A=B(" * rng.randrange(300) + ")" * rng.randrange(300),
    ))  # fmt: skip
