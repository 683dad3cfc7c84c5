"""Trains ``vlm``: a vision-language model that finds, names, counts and lists, and repeats.

Made to be tuned on answers and rationales. It starts from the detector's layers (model.py); these
rest over the first ``RESTING`` of the steps. Answers alone are learned (tasks.py); losses that read
things off picture tokens by the words' own embeddings, and that show some heads where to look
(gaze.py), let words and pictures meet.
"""

from __future__ import annotations

import random
from typing import Any

import tokenizer as vocabulary
import torch
from batches import HEAD, PREFIX, Batch, Packed, collate
from gaze import READING, SAYING, Gaze
from measure import answers, figures
from model import GRID, Reader, start, tokens
from pictures import load
from publish import detector
from saving import save
from scenes import drawn, grid
from tasks import turns
from torch.nn import functional
from training import arguments, plan, trainer_of
from transformers import AyaVisionForConditionalGeneration

RESTING = 0.4
"""Share of the steps during which the tower is not trained."""
SHOWN = 0.8
"""Share of the steps during which heads are shown where to look with full weight."""
NEAR = 0.25
"""Share of a place's numbers that is believed of each neighbour, before the sum is made 1."""
GRIDS = 0.1
"""Share of pictures that are grids of shapes."""
TURNS = 8


class Surprise:
    """Mean surprise at what is to be said; a number of a place is nearly its neighbours, too."""

    def __init__(self, words: Any) -> None:
        """Looks the numbers and the brackets of places up."""
        self._open, self._close = words.convert_tokens_to_ids(["[", "]"])
        numbers = torch.tensor(words.convert_tokens_to_ids(list(map(str, range(GRID)))))
        near = NEAR ** (torch.arange(GRID)[:, None] - torch.arange(GRID)).abs()
        near *= near >= NEAR
        self._near = torch.zeros(len(words), len(words))
        self._near[numbers[:, None], numbers] = near / near.sum(1, keepdim=True)

    def __call__(self, logits: torch.Tensor, said: torch.Tensor) -> torch.Tensor:
        """The loss.

        Args:
            logits: [said, V].
            said: Words of whole answers, one behind the other.
        """
        surprise = functional.cross_entropy(logits, said, reduction="none")
        inside = (said == self._open).cumsum(0) > (said == self._close).cumsum(0)
        inside &= said != self._open
        placed = functional.cross_entropy(
            logits[inside], self._near[said[inside]], reduction="none"
        )
        return surprise.masked_scatter(inside, placed).mean()


def hidden(
    model: AyaVisionForConditionalGeneration, batch: Packed, read: torch.Tensor
) -> torch.Tensor:
    """States before every token, [B * T, width]."""
    embedded = model.get_input_embeddings()(batch.ids)
    embedded = torch.cat([embedded[:, :3], read, embedded[:, PREFIX - 1 :]], 1)
    states: torch.Tensor = model.model.language_model(
        inputs_embeds=embedded, attention_mask=batch.mask, position_ids=batch.positions,
        use_cache=False,
    ).last_hidden_state  # fmt: skip
    return states.flatten(0, 1)


def main() -> None:
    """Trains, resuming where an earlier process stopped; saves the checkpoint at the end."""
    given = arguments("vlm", __doc__ or "", steps=7000, rate=1.5e-3, batch=16)
    task = plan(given)
    torch.manual_seed(task.seed)
    pictures, own = (
        load("generalist", "train", given.pictures, 7),
        load("generalist", "val", 1000, 7),
    )
    words = vocabulary.build()
    model = start(words, detector())
    model.set_attn_implementation("eager")
    reader = Reader(words, model.config.text_config.hidden_size)
    surprise = Surprise(words)
    reading = Gaze(model.model.language_model, READING)
    saying = [Gaze(model.model.language_model, layer) for layer in SAYING]
    trainer = trainer_of(task, model, reader, muon=given.muon)

    def batch_of(step: int) -> Batch:
        rng = random.Random(f"{task.seed}/{step}")
        views = [
            grid(rng)
            if rng.random() < GRIDS
            else drawn(pictures, rng.randrange(len(pictures)), rng.random() < 0.5)
            for _ in range(given.batch)
        ]
        return collate(words, views, [turns(rng, view, TURNS) for view in views], rng)

    def loss(step: int) -> dict[str, torch.Tensor]:
        model.model.vision_tower.requires_grad_(step >= RESTING * task.steps)
        batch = batch_of(step)
        read = tokens(model, batch.pixels)
        states = hidden(model, batch, read)[batch.at]
        losses = {"words": surprise(model.lm_head(states), batch.said)}
        weight = 0.1 + 0.4 * max(0.0, 1 - step / (0.6 * task.steps))
        embeddings = model.get_input_embeddings().weight
        seen = reader(read, embeddings, batch.boxes, batch.facts)
        shown = 1.0 if step < SHOWN * task.steps else 0.2
        for layer, gaze in zip(SAYING, saying, strict=True):
            losses[f"saying_{layer}"] = 0.7 * shown * gaze.loss(batch.at, batch.wanted, HEAD)
            losses[f"meaning_{layer}"] = 0.4 * shown * gaze.loss(*batch.meaning, HEAD)
        losses["reading"] = 0.4 * shown * reading.loss(*batch.reading, HEAD)
        losses["place"] = 0.25 * shown * seen.pop("place")
        return losses | {name: weight * value for name, value in seen.items()}

    def validate(average: AyaVisionForConditionalGeneration) -> dict[str, float]:
        save(trainer, words, trainer.plan.folder.parents[1] / "vlm" / "latest")
        return figures(answers(average, words), own, 96)

    if trainer.train(loss, validate):
        save(trainer, words, given.out)


if __name__ == "__main__":
    main()
