"""Students of ``vqa`` that write: BLIP, and chat models.

A teacher's distribution is learned as the expected negative log-probability of its answers, which
is KL between distributions over whole answers up to a constant; a single answer's is its cross
entropy. The prompt is not learned. The temperature plays no part.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any

from vprog.errors import ToolError
from vprog.example import Picture
from vprog.teach.losses import words_kl, words_nll
from vprog.teach.student import Part, Student, weight_of
from vprog.teach.supervision import Supervised
from vprog.tools.backends.hf.chat import shapes
from vprog.tools.backends.hf.views import View, Views
from vprog.trace import Call

MOST = 4
"""Answers of a distribution that are learned, the likeliest first."""


class _Writer(Student):
    @property
    def model(self) -> Any:
        return self.backend.answerer.model

    def refuses(self, row: Supervised) -> str:
        said = row.distribution and any(a.strip() and p > 0 for a, p in row.distribution.items())
        return super().refuses(row) or ("" if said else "no answer")

    def _pairs(self, rows: Sequence[Supervised]) -> list[tuple[Supervised, str, float]]:
        """Each row with each of its answers and the share of that in the loss."""
        pairs = []
        for row in rows:
            given = {a: p for a, p in (row.distribution or {}).items() if a.strip() and p > 0}
            best = sorted(given, key=lambda answer: (-given[answer], answer))[:MOST]
            total = sum(given[answer] for answer in best)
            pairs += [(row, a, weight_of(row) * given[a] / total) for a in best]
        return pairs

    def _asked(self, row: Supervised) -> str:
        return str(self.backend.prompt.replace("{}", str(row.argument)))

    def losses(self, said: Any, part: Part, temperature: float, dense: bool) -> tuple[Any, Any]:
        """See ``Student``."""
        import torch

        del temperature, dense
        found = words_nll(said, part["labels"].to(said.device))
        return found, torch.ones_like(found)

    def keeps(self, said: Any, before: Any, part: Part, temperature: float) -> tuple[Any, Any]:
        """See ``Student``."""
        import torch

        del temperature
        found = words_kl(said, before, part["labels"].to(said.device))
        return found, torch.ones_like(found)

    def replayed(
        self, rows: Sequence[Supervised], pictures: Mapping[str, Picture]
    ) -> list[Supervised]:
        """Replayed calls with what the student writes about them now, sure of itself."""
        found = []
        for start in range(0, len(rows), self.backend.batch_size):
            some = rows[start : start + self.backend.batch_size]
            calls = [Call("vqa", {"image": r.region, "question": str(r.argument)}) for r in some]
            shown = {row.region.picture: pictures[row.region.picture] for row in some}
            for row, result in zip(some, self.backend.answer(calls, shown), strict=True):
                if not isinstance(result, ToolError) and str(result.value).strip():
                    said = {str(result.value): 1.0}
                    found.append(dataclasses.replace(row, distribution=said, confidence=1.0))
        return found


class BlipStudent(_Writer):
    """BLIP: questions of one length together, answers padded behind their end."""

    def prepare(self, rows: Sequence[Supervised], views: Views) -> list[Part]:
        """See ``Student``."""
        import torch

        blip = self.backend.answerer
        start = int(self.model.decoder_start_token_id)
        groups: dict[int, list[tuple[View, list[int], list[int], float]]] = {}
        for row, answer, weight in self._pairs(rows):
            question, written = blip.ids(self._asked(row)), blip.ids(answer)[1:]
            one = (views.of(row.region), question, written, weight)
            groups.setdefault(len(question), []).append(one)
        parts: list[Part] = []
        for members in groups.values():
            distinct = list(dict.fromkeys(view for view, *_ in members))
            longest = max(len(written) for _, _, written, _ in members)
            labels = torch.full((len(members), longest), -100)
            inputs = torch.full((len(members), longest), start)
            for n, (_, _, written, _) in enumerate(members):
                labels[n, : len(written)] = torch.tensor(written)
                inputs[n, 1 : len(written)] = torch.tensor(written[:-1])
            parts.append(
                {
                    "pixels": blip.pixels(distinct, views),
                    "of_view": torch.tensor([distinct.index(view) for view, *_ in members]),
                    "ids": torch.tensor([question for _, question, _, _ in members]),
                    "inputs": inputs,
                    "labels": labels,
                    "weights": torch.tensor([weight for *_, weight in members]).float(),
                }
            )
        return parts

    def look(self, part: Part) -> Any:
        """Logits of the words of the answers, [rows, length, vocabulary]."""
        import torch

        model = self.model
        device = model.device
        pixels = part["pixels"].to(device, model.dtype)
        image = model.vision_model(pixel_values=pixels).last_hidden_state[part["of_view"]]
        ids = part["ids"].to(device)
        question = model.text_encoder(
            input_ids=ids,
            attention_mask=torch.ones_like(ids),
            encoder_hidden_states=image,
            encoder_attention_mask=torch.ones(image.shape[:-1], device=device).long(),
        ).last_hidden_state
        out = model.text_decoder(
            input_ids=part["inputs"].to(device),
            encoder_hidden_states=question,
            encoder_attention_mask=torch.ones_like(ids),
            use_cache=False,
        )
        return out.logits.float()


class ChatStudent(_Writer):
    """Any image-text-to-text model: its inputs up to the reply, then the answer and its end."""

    def prepare(self, rows: Sequence[Supervised], views: Views) -> list[Part]:
        """See ``Student``."""
        import torch

        chat = self.backend.answerer
        groups: dict[Any, list[tuple[dict[str, Any], Any, float]]] = {}
        for row, answer, weight in self._pairs(rows):
            inputs = chat.prepare(self._asked(row), [views.read(views.of(row.region))])
            grown, labels = chat.with_reply(inputs, answer)
            groups.setdefault(shapes(grown), []).append((grown, labels, weight))
        return [
            {
                "rows": [inputs for inputs, _, _ in members],
                "labels": torch.cat([labels for _, labels, _ in members]),
                "weights": torch.tensor([weight for *_, weight in members]).float(),
            }
            for members in groups.values()
        ]

    def look(self, part: Part) -> Any:
        """Logits of what follows each word, [rows, length, vocabulary]."""
        return self.model(**self.backend.answerer.stack(part["rows"]), use_cache=False).logits
