"""EVAL: what expressions mean, what they refuse, and that values stay values."""

from __future__ import annotations

from typing import Any

import pytest

from vprog.errors import ProgramError
from vprog.example import Region
from vprog.tools.expression import MAX_TEXT, bounded_list, evaluate, parse_expression, same, truth

LONG = [[1] * 900] * 100  # 90,000 entries, and 901 in memory
VALUES: dict[str, Any] = {
    "YES": "yes", "NO": "no", "BIG": "Yes ", "T": True, "F": False, "ONE": 1, "TWO": "2",
    "WORDS": ["red", "blue", "red"], "NONE": [], "TEXT": "women's dress", "FLUXOR": "fluxor",
    "ZERO": 0, "HALF": "0.5", "NAN": "nan", "INF": "Infinity", "BRACES": "{ONE}", "EMPTY": "",
    "BOXES": [Region("p", 0, 0, 1, 1), Region("p", 1, 1, 2, 2)], "CODE": "__import__('os')",
    "LONG": LONG,
}  # fmt: skip


def value(text: str) -> Any:
    expression = parse_expression(text)
    return evaluate(expression, {name: VALUES[name] for name in expression.variables})


MEANINGS = [
    # literals, arithmetic
    ("1", 1), ("1.5", 1.5), ("'a'", "a"), ('"a"', "a"), ("[1, 'a']", [1, "a"]), ("(1, 2)", [1, 2]),
    ("None", None), ("True", True), ("yes", True), ("no", False), ("-1", -1), ("+1", 1),
    ("1 + 2 * 3", 7), ("(1 + 2) * 3", 9), ("7 // 2", 3), ("7 % 4", 3), ("1 / 4", 0.25),
    ("{TWO} + 1", 3), ("{TWO} * {TWO}", 4), ("{TWO} + {TWO}", 4), ("{HALF} + 1", 1.5),
    ("{T} + {T}", 2), ("'a' + 'b'", "ab"), ("'a' + {TWO}", "a2"), ("[1] + [2]", [1, 2]),
    # equality: written numbers are numbers, yes is True, case does not count
    ("{TWO} == 2", True), ("2 == {TWO}", True), ("{TWO} == '2'", True), ("'2' == '2.0'", True),
    ("{TWO} != 2", False), ("{YES} == True", True), ("{YES} == 'yes'", True),
    ("{BIG} == {YES}", True),
    ("{NO} == False", True), ("{NO} == {F}", True), ("'Red' == 'red'", True), ("{T} == 1", False),
    ("{YES} == 1", False), ("{NO} == 0", False), ("{NAN} == 'nan'", True),
    ("{INF} == 'inf'", False),
    ("{TEXT} == \"women's dress\"", True), ("{EMPTY} == ''", True), ("{WORDS} == {WORDS}", True),
    ("{YES} is True", True), ("{YES} is not True", False), ("None == None", True),
    # order
    ("{TWO} > 1", True), ("1 < {TWO} <= 2", True), ("1 < 2 < 2", False), ("{ONE} >= {TWO}", False),
    # membership
    ("'red' in {WORDS}", True), ("'RED' in {WORDS}", True), ("'green' in {WORDS}", False),
    ("'green' not in {WORDS}", True), ("'dress' in {TEXT}", True), ("2 in ['1', '2']", True),
    ("{TEXT}.startswith('Women')", True), ("{TEXT}.endswith(['x', 'DRESS'])", True),
    ("{TWO}.startswith('3')", False), ("{ONE}.startswith(1)", True),
    ("{TEXT}.startswith({WORDS})", False), ("'Red bus'.endswith('BUS')", True),
    # & | ^ as in VisProg's own programs
    ("{YES} & {NO}", False), ("{YES} | {NO}", True), ("{T} ^ {YES}", False),
    ("({ONE} > 0) & ({TWO} == 2)", True), ("yes ^ no", True), ("'yes' & {BIG}", True),
    ("'yes' if {T} ^ {F} else 'no'", "yes"), ("{YES} ^ {NO} xor {YES}", False),
    ("not {T} | {F}", False),
    # logic
    ("{YES} and {NO}", "no"), ("not {NO}", True), ("not {YES}", False), ("{NO} or {YES}", "yes"),
    ("{YES} xor {NO}", True), ("{YES} xor {YES}", False), ("{T} xor {F} xor {T}", False),
    ("1 > 2 xor 2 > 1", True), ("{F} or {T} xor {T}", False), ("{T} and {F} xor {T}", True),
    ("not {F} xor {F}", True), ("{T} xor not {T}", True), ("({T} xor {T}) or {T}", True),
    ("{FLUXOR} == 'fluxor'", True), ("'xor' == 'xor'", True), ("'a xor b' == 'a xor b'", True),
    ("'yes' if {ONE} > 0 else 'no'", "yes"), ("'a' if {NO} else 'b'", "b"),
    ("'a' if {T} xor {T} else 'b'", "b"), ("'a' if {ZERO} else 'b'", "b"),
    # texts in quotes around a variable, VisProg's habit
    ("'{YES}' == 'yes'", True), ("'{TWO}' == 2", True), ("'{TEXT}' == {TEXT}", True),
    ('"{WORDS}" == {WORDS}', True), ("'yes' if '{NO}' == 'no' else 'no'", "yes"),
    # functions and methods
    ("len({WORDS})", 3), ("len({BOXES})", 2), ("len('abc')", 3), ("int('3')", 3), ("int(2.9)", 2),
    ("float({TWO})", 2.0), ("str(True)", "yes"), ("str(2)", "2"), ("bool('no')", False),
    ("abs(-3)", 3), ("min(3, {TWO})", 2), ("max([1, 5, 2])", 5), ("round(2.5)", 2),
    ("round(2.345, 2)", 2.35), ("round(1234, -2)", 1200), ("sum([1, {TWO}])", 3),
    ("any(['no', 'yes'])", True), ("all(['no', 'yes'])", False), ("sorted([3, 1])", [1, 3]),
    ("{WORDS}[0]", "red"), ("{WORDS}[-1].upper()", "RED"), ("' a '.strip()", "a"),
    ("'ab'.title()", "Ab"), ("{TEXT}.lower()", "women's dress"),
    # what a model said is a value, whatever it looks like
    ("{CODE}", "__import__('os')"), ("{CODE} + '!'", "__import__('os')!"), ("{BRACES}", "{ONE}"),
    ("{BRACES} == '1'", False), ("len({CODE})", 16), ("'{' + {EMPTY}", "{"), ("'{}'", "{}"),
    ("{YES} + {YES} == 2", True), ("{YES} + {NO} + 'yes'", 2), ("{YES} > {NO}", True),
    ("-{YES}", -1),
    ("{YES} + ' it is'", "yes it is"), ("'there are { TWO } cups'", "there are 2 cups"),
    ("'{YES}{TWO}'", "yes2"), ("'{T}, ' + \"{TEXT}'s\"", "yes, women's dress's"),
    ("'{a b} {TWO}'", "{a b} 2"),
    ("'a' if '{TWO}!' == '2!' xor {F} else 'b'", "a"), ("'\\'{CODE}\\''", "'__import__('os')'"),
    ("'{a b}' == '{a b}'", True), ("'it\\'s'", "it's"), ("'\\n'", "\n"),
    (" 1 ", 1), ("1 +\\\n 1", 2), ("{ ONE } + 1", 2),
]  # fmt: skip


@pytest.mark.parametrize(("text", "meaning"), MEANINGS)
def test_meaning(text: str, meaning: Any) -> None:
    found = value(text)
    assert found == meaning
    assert type(found) is type(meaning)


REFUSED = [
    ("X", "name", "variables stand in braces"), ("len", "name", "does not know 'len'"),
    ("'a'.startswith()", "syntax", "startswith takes 1 argument"),
    ("'a'.lower('b')", "syntax", "lower takes no arguments"), ("{ONE} & 2", "syntax", "yes and no"),
    ("eval('1')", "name", "no function 'eval'"), ("'a'.format()", "name", "no method 'format'"),
    ("leng('a')", "name", "Did you mean 'len'?"), ("{}", "syntax", "braces hold"),
    ("{1}", "syntax", "braces hold"), ("{A", "syntax", "braces hold"),
    ("{A.b}", "syntax", "braces"),
    ("1 +", "syntax", "cannot read"), ("'a", "syntax", "cannot read"), ("1; 2", "syntax", "cannot"),
    ("1 xor", "syntax", "cannot read"), ("xor 1", "syntax", "cannot read"), ("a = 1", "syntax", ""),
    ("2 ** 3", "syntax", "allowed are"), ("1 | 2", "syntax", "allowed are"), ("~1", "syntax", ""),
    ("lambda: 1", "syntax", "Lambda"), ("[x for x in [1]]", "syntax", "ListComp"),
    ("{ONE}.real", "syntax", "Attribute"), ("len(x=1)", "syntax", ""), ("'a'[0:1]", "syntax", ""),
    ("f'{1}'", "syntax", ""), ("b'a'", "syntax", "Constant"), ("1j", "syntax", "Constant"),
    ("...", "syntax", "Constant"), ("await x", "syntax", ""), ("", "syntax", ""),
    ("x" * (MAX_TEXT + 1), "syntax", "at most"), ("9" * 30, "limit", "beyond"),
    ("{ONE} > 0 & {TWO} > 0", "syntax", "put comparisons into brackets"),
    ("{TEXT} == 'red' | {T}", "syntax", "between yes and no, found text 'red'"),
    ("1 << 2", "syntax", "allowed are"), ("'a'.endswith('a', 0)", "syntax", "1 argument"),
    ("'a'.endswith(*['a'])", "syntax", "Starred"),
    ("v__ONE", "name", "braces"), ("xor__", "syntax", "taken"),
]  # fmt: skip


@pytest.mark.parametrize(("text", "kind", "words"), REFUSED)
def test_refused_before_it_runs(text: str, kind: str, words: str) -> None:
    with pytest.raises(ProgramError) as caught:
        parse_expression(text)
    assert caught.value.kind == kind
    assert words in caught.value.message


FAILING = [
    ("1 / 0", "runtime", "division by zero"), ("{WORDS}[9]", "runtime", "out of range"),
    ("{TEXT} + 1", "type", "needs a number, got text"), ("{NAN} + 1", "type", "needs a number"),
    ("{INF} * 0", "type", "needs a number"), ("-{TEXT}", "type", "needs a number"),
    ("{TEXT} < 1", "type", "needs a number"), ("min([])", "runtime", "at least one number"),
    ("len(1)", "runtime", "no len"), ("sorted([1, 'a'])", "runtime", "not supported"),
    ("abs(1, 2)", "runtime", "argument"), ("1e17 * 1e17", "limit", "beyond"),
    (" or ".join(["{LONG} == {WORDS}"] * 20), "limit", "too often"),
    ("round(1, 99)", "limit", "-18 to 18"), ("int({TEXT})", "type", "needs a number"),
    ("{ONE} & {T}", "type", "stands between yes and no, got number 1"),
    ("{T} ^ {TEXT}", "type", "got text"), ("{T} | {NONE}", "type", "an empty list"),
    ("'a'.startswith({LONG}) or " * 20 + "1", "limit", "too often"),
    ("{WORDS} * 2", "type", "needs a number"), ("{BOXES} + 1", "type", "a list of 2"),
]  # fmt: skip


@pytest.mark.parametrize(("text", "kind", "words"), FAILING)
def test_fails_when_it_runs(text: str, kind: str, words: str) -> None:
    with pytest.raises(ProgramError) as caught:
        value(text)
    assert caught.value.kind == kind
    assert words in caught.value.message


def test_only_the_taken_branch_is_evaluated() -> None:
    assert value("1 if {T} else 1 / 0") == 1
    assert value("{F} and 1 / 0") is False
    assert value("'a' if {YES} or 1 / 0 else 'b'") == "a"
    assert value("{F} xor {T} or 1 / 0") is True
    assert value("{F} and {TEXT} + 1") is False


def test_variables_are_named_once_in_order_of_appearance() -> None:
    assert parse_expression("{B} + {A} * '{B}' + {C}").variables == ("B", "A", "C")
    assert parse_expression("'{B} and more' + {A}").variables == ("B", "A")


def test_an_image_is_no_number() -> None:
    with pytest.raises(ProgramError, match="cannot calculate with the image 'I'"):
        evaluate(parse_expression("{I} + 1"), {"I": Region("p", 0, 0, 1, 1)})


def test_a_missing_variable_is_named() -> None:
    with pytest.raises(ProgramError, match=r"variable 'A' has no value. Known: AB"):
        evaluate(parse_expression("{A}"), {"AB": 1})


def test_variables_are_not_changed() -> None:
    words = ["b", "a"]
    assert evaluate(parse_expression("sorted({W})"), {"W": words}) == ["a", "b"]
    assert evaluate(parse_expression("{W} + ['c']"), {"W": words}) == ["b", "a", "c"]
    assert words == ["b", "a"]


@pytest.mark.parametrize(
    ("left", "right", "equal"),
    [(1, True, False), ("1", True, False), ("no", False, True), (2, "2", True), ("a", "A ", True),
     (None, "none", False), ([], "", False), (0.5, "0.50", True), ("1e3", 1000, True)],
)  # fmt: skip
def test_equality_is_symmetric(left: Any, right: Any, equal: bool) -> None:
    assert same(left, right) is equal
    assert same(right, left) is equal


@pytest.mark.parametrize("false", ["", " ", "no", "No", "false", "none", "0", 0, [], None, False])
def test_what_counts_as_false(false: Any) -> None:
    assert truth(false) is False
    assert truth([false]) is True


def test_lists_are_bounded_in_width_and_depth() -> None:
    deep: list[Any] = []
    for _ in range(15):
        deep = [deep]
    bounded_list(deep)
    with pytest.raises(ProgramError, match="levels deep"):
        bounded_list([deep])
    bounded_list([["x" * 1000] * 99])
    with pytest.raises(ProgramError, match="entries in all"):
        bounded_list([["x" * 1000] * 101])
