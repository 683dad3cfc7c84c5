"""Programs as the writer learns them: the gold ones with names that depend on the order alone."""

from __future__ import annotations

import re

_ASSIGNED = re.compile(r"^    (\w+) = (.*)$", re.MULTILINE)


def canonical(program: str) -> str:
    """A python program with its variables renamed ``patches_1``, ``patch_1``, ``value_1``.

    The gold programs number names by noun (``cat_patches_2``); numbers in the order of lines are
    the same for every question of one form.
    """
    names: dict[str, str] = {}
    numbers: dict[str, int] = {}
    for name, value in _ASSIGNED.findall(program):
        if value.endswith(" else image"):
            stem = "patch"
        elif ".simple_query(" in value:
            stem = "value"
        else:
            stem = "patches"
        numbers[stem] = numbers.get(stem, 0) + 1
        names[name] = f"{stem}_{numbers[stem]}"
    if not names:
        return program
    listed = "|".join(sorted(names, key=len, reverse=True))
    strings = re.compile(rf'("[^"\n]*")|\b({listed})\b')
    return strings.sub(lambda m: m[1] or names[m[2]], program)
