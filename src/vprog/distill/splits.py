"""Train and validation by picture: no picture is in both."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

from vprog.example import Example


def split_by_picture(examples: Sequence[Example], val_share: float, seed: int) -> dict[str, str]:
    """``train`` or ``val`` by example id.

    Examples that share a picture, by its content, stay together; pictures are put into a half by a
    hash, so that more examples change nothing for those that were there.

    Args:
        examples: With readable pictures.
        val_share: Expected share of the pictures in ``val``.
        seed: Of the hash.

    Raises:
        PictureError: A picture cannot be read.
    """
    parents: dict[str, str] = {}

    def root(name: str) -> str:
        while parents.setdefault(name, name) != name:
            parents[name] = parents[parents[name]]
            name = parents[name]
        return name

    firsts: dict[str, str] = {}
    for example in examples:
        digests = [picture.digest for picture in example.pictures]
        for digest in digests:
            one, other = sorted((root(digests[0]), root(digest)))
            parents[other] = one
        firsts[example.id] = digests[0] if digests else example.id
    return {
        id: "val" if _share(root(first), seed) < val_share else "train"
        for id, first in firsts.items()
    }


def _share(name: str, seed: int) -> float:
    digest = hashlib.sha256(f"{seed} {name}".encode()).digest()
    return int.from_bytes(digest[:8], "big") / 2**64
