"""Students of ``detect``: OWL-ViT and OWLv2, Grounding DINO."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Any

from vprog.errors import InputError, ToolError
from vprog.teach.detect_loss import Found, Target, corners, set_loss, tokens_kl
from vprog.teach.student import Part, Student, weight_of
from vprog.teach.supervision import Supervised
from vprog.tools.backends.hf.boxes import suppress, to_frame
from vprog.tools.backends.hf.slices import Slice
from vprog.tools.backends.hf.views import View, Views

DOUBT = 0.1
"""Boxes that a student before believed in less are nothing to keep."""
MARGIN = 0.1
"""Above the student's threshold: the least class target of a box that a teacher found."""


class _DetectStudent(Student):
    @property
    def model(self) -> Any:
        return self.backend.scanner.model

    def refuses(self, row: Supervised) -> str:
        return super().refuses(row) or ("" if row.boxes is not None else "no boxes")

    def _shown(
        self, rows: Sequence[Supervised], views: Views
    ) -> tuple[list[Supervised], list[View]]:
        """Rows and what the model is shown of each; one that is sliced becomes several.

        A slice has the boxes that are centred where it answers for the view, and is judged there.
        """
        whole = self.backend.choices()["view"] == "picture"
        shown, seen = [], []
        for row in rows:
            view = views.whole(row.region) if whole else views.of(row.region)
            parts = self.backend.slices(view)
            for part in parts:
                shown.append(row if len(parts) == 1 else _owned(row, part))
                seen.append(part.view)
        return shown, seen

    def _text(self, row: Supervised) -> str:
        return str(self.backend.choices()["prompt"].replace("{}", row.argument))

    def _targets(self, rows: Sequence[Supervised], seen: Sequence[View]) -> dict[str, Any]:
        """Boxes in the student's frame, the frame of each region, and weights."""
        import numpy as np
        import torch

        square = self.backend.scanner.square
        targets = []
        for row, view in zip(rows, seen, strict=True):
            given = row.boxes or ()
            edges = np.array([box.box_xyxy for box in given], np.float64).reshape(-1, 4)
            boxes = to_frame(edges, view, square=square)
            scores = np.array([box.score for box in given], np.float64)
            there = (boxes[:, 2:] > 0).all(1)
            targets.append((torch.from_numpy(boxes[there]), torch.from_numpy(scores[there])))
        frames = [
            to_frame(np.array([r.region.box_xyxy]), v, square=square)[0]
            for r, v in zip(rows, seen, strict=True)
        ]
        return {
            "targets": [Target(boxes.float(), scores.float()) for boxes, scores in targets],
            "frames": torch.tensor(np.array(frames)).float(),
            "weights": torch.tensor([weight_of(row) for row in rows]).float(),
        }

    def _least(self) -> float:
        """The least class target of a box: the student itself would find it."""
        return min(1.0, float(self.backend.choices()["threshold"]) + MARGIN)

    def _counted(self, said: Found, part: Part) -> Any:
        """Which tokens the teacher judged: those that say boxes centred in the region."""
        choices = self.backend.choices()
        if choices["view"] != "picture" and "longest" not in choices:
            return None
        frame = corners(part["frames"])[:, None].to(said.boxes.device)
        centre = said.boxes.detach()[..., :2]
        return ((centre > frame[..., :2]) & (centre < frame[..., 2:])).all(-1)


def _owned(row: Supervised, part: Slice) -> Supervised:
    """A row about the part of its region that a slice answers for."""
    left, top, right, bottom = part.own_xyxy
    region = row.region._replace(
        left=max(row.region.left, left),
        top=max(row.region.top, top),
        right=min(row.region.right, right),
        bottom=min(row.region.bottom, bottom),
    )
    boxes = None
    if row.boxes is not None:
        boxes = tuple(
            box
            for box in row.boxes
            if left <= box.center_xy[0] < right and top <= box.center_xy[1] < bottom
        )
    return dataclasses.replace(row, region=region, boxes=boxes)


class OwlStudent(_DetectStudent):
    """OWL-ViT and OWLv2; the phrases of a view share its tokens."""

    shares = True

    def __init__(self, backend: Any) -> None:
        """See ``Student``."""
        super().__init__(backend)
        self._readable: dict[str, bool] = {}

    def unreadable(self, row: Supervised) -> str:
        """See ``Student``."""
        text = self._text(row)
        if text not in self._readable:
            try:
                self.backend.scanner.tokenize([text])
            except ToolError:
                self._readable[text] = False
            else:
                self._readable[text] = True
        return "" if self._readable[text] else "phrase without a word that it knows"

    def prepare(self, rows: Sequence[Supervised], views: Views) -> list[Part]:
        """See ``Student``."""
        import torch

        owl = self.backend.scanner
        rows, seen = self._shown(rows, views)
        distinct = list(dict.fromkeys(seen))
        texts = [self._text(row) for row in rows]
        phrases = list(dict.fromkeys(texts))
        ids, mask = owl.tokenize(phrases)
        return [
            {
                "pixels": owl.pixels(distinct, views),
                "ids": ids,
                "mask": mask,
                "of_view": torch.tensor([distinct.index(view) for view in seen]),
                "of_phrase": torch.tensor([phrases.index(text) for text in texts]),
                **self._targets(rows, seen),
            }
        ]

    def look(self, part: Part) -> Found:
        """See ``Student``."""
        owl = self.backend.scanner
        tokens, boxes = owl.look(part["pixels"])
        queries = owl.embed(part["ids"], part["mask"])
        logits = owl.classify(tokens, queries[None].expand(len(tokens), -1, -1))
        view, phrase = part["of_view"], part["of_phrase"]
        return Found(logits=logits[view, :, phrase], boxes=boxes[view])

    def losses(self, said: Found, part: Part, temperature: float, dense: bool) -> tuple[Any, Any]:
        """See ``Student``."""
        del temperature
        priors = self.backend.scanner.centres().to(said.boxes.device) if dense else None
        return set_loss(said, part["targets"], priors, self._counted(said, part), self._least())

    def keeps(self, said: Found, before: Found, part: Part, temperature: float) -> tuple[Any, Any]:
        """See ``Student``."""
        del part, temperature
        return tokens_kl(said, before)


class DinoStudent(_DetectStudent):
    """Grounding DINO; a row a phrase, rows of equal shapes together, as when it answers.

    Its queries change places with its weights, so what it said before is kept as a set of boxes.
    """

    def prepare(self, rows: Sequence[Supervised], views: Views) -> list[Part]:
        """See ``Student``."""
        import torch

        dino = self.backend.scanner
        rows, seen = self._shown(rows, views)
        pixels = {view: dino.pixels(view, views) for view in dict.fromkeys(seen)}
        ids = [dino.ids(self._text(row)) for row in rows]
        groups: dict[Any, list[int]] = {}
        for n, view in enumerate(seen):
            groups.setdefault((tuple(pixels[view].shape), len(ids[n])), []).append(n)
        parts: list[Part] = []
        for members in groups.values():
            distinct = list(dict.fromkeys(seen[n] for n in members))
            parts.append(
                {
                    "pixels": torch.stack([pixels[view] for view in distinct]),
                    "of_view": torch.tensor([distinct.index(seen[n]) for n in members]),
                    "ids": torch.tensor([ids[n] for n in members]),
                    **self._targets([rows[n] for n in members], [seen[n] for n in members]),
                }
            )
        return parts

    def look(self, part: Part) -> Found:
        """See ``Student``."""
        logits, boxes = self.backend.scanner.look(part["pixels"], part["of_view"], part["ids"])
        return Found(logits=logits, boxes=boxes)

    def losses(self, said: Found, part: Part, temperature: float, dense: bool) -> tuple[Any, Any]:
        """See ``Student``."""
        del temperature
        if dense:
            raise InputError("dense labels need tokens with places (OWL); set dense = 0")
        return set_loss(said, part["targets"], None, self._counted(said, part), self._least())

    def keeps(self, said: Found, before: Found, part: Part, temperature: float) -> tuple[Any, Any]:
        """See ``Student``."""
        del temperature
        return set_loss(said, [_set(before, n) for n in range(len(part["weights"]))])


def _set(before: Found, row: int) -> Target:
    """The boxes that a student believed in, without doubles."""
    scores = before.logits[row].float().sigmoid()
    sure = scores > DOUBT
    boxes, scores = before.boxes[row].float()[sure], scores[sure]
    kept = suppress(corners(boxes).cpu().numpy(), scores.cpu().numpy(), 0.5)
    return Target(boxes[kept], scores[kept])
