"""Students of ``vqa`` that choose among answers: ViLT."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from vprog.teach.losses import answer_kl, logits_kl
from vprog.teach.student import Part, Student, weight_of
from vprog.teach.supervision import Supervised
from vprog.tools.backends.hf.views import Views


class ViltStudent(Student):
    """ViLT: KL over its answers. What a teacher says outside of them is left out."""

    def __init__(self, backend: Any) -> None:
        """See ``Student``."""
        super().__init__(backend)
        self._vilt = backend.answerer
        labels: Mapping[int, str] = self._vilt.labels
        self._place = {label.strip().lower(): n for n, label in labels.items()}
        self._answers = max(labels) + 1

    @property
    def model(self) -> Any:
        """See ``Student``."""
        return self._vilt.model

    def refuses(self, row: Supervised) -> str:
        """See ``Student``."""
        wrong = super().refuses(row)
        if wrong or not row.distribution:
            return wrong or "no answer"
        best = max(row.distribution, key=lambda answer: row.distribution[answer])  # type: ignore[index]
        return "" if _plain(best) in self._place else "answer outside of the student's labels"

    def prepare(self, rows: Sequence[Supervised], views: Views) -> list[Part]:
        """See ``Student``."""
        import torch

        vilt, prompt = self._vilt, self.backend.prompt
        seen = [views.of(row.region) for row in rows]
        pixels = {view: vilt.pixels(view, views) for view in dict.fromkeys(seen)}
        questions = [prompt.replace("{}", str(row.argument)) for row in rows]
        lengths = vilt.lengths(questions)
        groups: dict[Any, list[int]] = {}
        for n, question in enumerate(questions):
            key = (tuple(pixels[seen[n]].shape), lengths[question])
            groups.setdefault(key, []).append(n)
        parts: list[Part] = []
        for (_, length), members in groups.items():
            ids, mask = vilt.tokenize([questions[n] for n in members], length)
            parts.append(
                {
                    "pixels": torch.stack([pixels[seen[n]] for n in members]),
                    "ids": ids,
                    "mask": mask,
                    "teacher": torch.stack([self._teacher(rows[n]) for n in members]),
                    "weights": torch.tensor([weight_of(rows[n]) for n in members]).float(),
                }
            )
        return parts

    def _teacher(self, row: Supervised) -> Any:
        import torch

        shares = torch.zeros(self._answers)
        for answer, share in (row.distribution or {}).items():
            if (place := self._place.get(_plain(answer))) is not None:
                shares[place] += max(share, 0)
        return shares / shares.sum().clamp(min=1e-9)

    def look(self, part: Part) -> Any:
        """Logits, [rows, answers]."""
        return self._vilt.look(part["pixels"], part["ids"], part["mask"])

    def losses(self, said: Any, part: Part, temperature: float, dense: bool) -> tuple[Any, Any]:
        """See ``Student``."""
        import torch

        del dense
        found = answer_kl(said, part["teacher"].to(said.device), temperature)
        return found, torch.ones_like(found)

    def keeps(self, said: Any, before: Any, part: Part, temperature: float) -> tuple[Any, Any]:
        """See ``Student``."""
        import torch

        del part
        found = logits_kl(said, before, temperature)
        return found, torch.ones_like(found)


def _plain(answer: str) -> str:
    return answer.strip().lower()
