"""A small task-specific network: a compact convolutional detector trained on step labels.

SDVP (arXiv 2309.09809 v3) teaches with small, well-trained, task-specific models, one a sub-task.
This one is ours: fully convolutional, a stride of 4, and for each cell whether the centre of a
thing lies in it, the thing's edges, and for each word of the benchmark's labels whether it is true
of the thing. A phrase is read word by word, so that ``yellow triangle`` needs no training of its
own: a box fits it if every word is true of it.
"""

from __future__ import annotations

import hashlib
import json
import math
import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn
from torch.nn import functional

from vprog.errors import InputError, ToolError
from vprog.example import Picture, Region, Scene, SceneObject
from vprog.teach.teachers.labels import LabelledBox, LabelledPicture
from vprog.tools.backends.hf.views import Kept
from vprog.tools.backends.oracle_questions import Asked
from vprog.tools.backends.oracle_regions import main_object, objects_in
from vprog.tools.backends.oracle_words import ANYTHING, is_attribute, is_form_of, tokens
from vprog.trace import Call, Result

STRIDE = 4
BELIEVED = 0.5
"""Least belief, in a thing and in each word, of a box that counts."""
DECODED_MB = 500
"""Memory for the decoded pictures of a training."""
_UNIT = 8.0
"""Edges are learned in units of so many pixels of what the network sees."""
_OVERLAP = 0.5


@dataclass(frozen=True, slots=True, kw_only=True)
class SmallSettings:
    """How a small network is made and trained."""

    scale: int = 1
    """Pictures are enlarged so many times: small things need four pixels at least."""
    width: int = 48
    """Channels of the body."""
    steps: int = 600
    """Steps of training."""
    batch: int = 16
    """Windows a step."""
    window: int = 128
    """Pixels of what the network sees that a window of training is wide and high at most."""
    lr: float = 4e-3
    """Peak learning rate of AdamW, cosine."""
    seed: int = 0
    """Of weights, windows and order."""


class _Block(nn.Module):
    def __init__(self, width: int, dilation: int) -> None:
        super().__init__()
        self.conv = nn.Conv2d(width, width, 3, padding=dilation, dilation=dilation, bias=False)
        self.norm = nn.BatchNorm2d(width)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x + functional.relu(self.norm(self.conv(x)))


class _Network(nn.Module):
    """Pixels [b, 3, h, w] in [0, 1] -> [b, 1 + 4 + words, h / 4, w / 4]."""

    def __init__(self, words: int, width: int) -> None:
        super().__init__()
        half = width // 2
        self.stem = nn.Sequential(
            nn.Conv2d(3, half, 3, stride=2, padding=1, bias=False),
            nn.BatchNorm2d(half),
            nn.ReLU(),
            nn.Conv2d(half, width, 3, stride=2, padding=1, bias=False),
            nn.BatchNorm2d(width),
            nn.ReLU(),
        )
        self.body = nn.Sequential(*[_Block(width, dilation) for dilation in (1, 2, 1, 2, 1)])
        self.head = nn.Conv2d(width, 5 + words, 1)
        assert self.head.bias is not None
        nn.init.constant_(self.head.bias[:1], -3.0)

    def forward(self, pixels: torch.Tensor) -> torch.Tensor:
        out: torch.Tensor = self.head(self.body(self.stem(pixels)))
        return out


@dataclass(frozen=True, slots=True)
class Seen:
    """A thing that a small network sees.

    Attributes:
        box_xyxy: Pixels of the picture.
        belief: That there is a thing.
        words: Belief in each word of the vocabulary.
    """

    box_xyxy: tuple[float, float, float, float]
    belief: float
    words: tuple[float, ...]


def _pixels(picture: Picture, scale: int) -> torch.Tensor:
    """uint8 [3, h, w], enlarged; sides are multiples of the stride."""
    rgb = torch.from_numpy(np.array(picture.load())).permute(2, 0, 1)
    rgb = rgb.repeat_interleave(scale, 1).repeat_interleave(scale, 2)
    across, down = -rgb.shape[2] % STRIDE, -rgb.shape[1] % STRIDE
    return functional.pad(rgb, (0, across, 0, down))


def train_small(
    pictures: Sequence[LabelledPicture],
    file: Path,
    settings: SmallSettings | None = None,
    show: Callable[[int, float], None] = lambda step, loss: None,
) -> SmallNetwork:
    """Trains a network from scratch and writes it to one file.

    Args:
        pictures: Training pictures with their step labels.
        file: Where to; ends in ``.safetensors``.
        settings: See ``SmallSettings``.
        show: Is called after every step with its number and loss.

    Raises:
        InputError: No box is labelled, or the file cannot be written.
    """
    from safetensors.torch import save

    from vprog.runs.folder import write_atomically

    chosen = settings or SmallSettings()
    words = sorted({word for _, boxes in pictures for box in boxes for word in box.words})
    if not words:
        raise InputError("no box of the pictures has a label, so there is nothing to learn")
    torch.manual_seed(chosen.seed)
    draw = random.Random(chosen.seed)
    network = _Network(len(words), chosen.width)
    optimizer = torch.optim.AdamW(network.parameters(), lr=chosen.lr, weight_decay=1e-2)
    rate = torch.optim.lr_scheduler.LambdaLR(
        optimizer,
        lambda step: (
            min(1.0, (step + 1) / 20)
            * (0.02 + 0.98 * (1 + math.cos(math.pi * step / chosen.steps)) / 2)
        ),
    )
    decoded: Kept[torch.Tensor] = Kept(DECODED_MB)

    def drawn() -> tuple[torch.Tensor, list[Target]]:
        number = draw.randrange(len(pictures))
        picture, boxes = pictures[number]
        pixels = decoded.get(number)
        if pixels is None:
            pixels = _pixels(picture, chosen.scale)
            decoded.put(number, pixels, pixels.nbytes)
        return _window(pixels, boxes, words, chosen, draw)

    for step in range(chosen.steps):
        batch = [drawn() for _ in range(chosen.batch)]
        size = [max(p.shape[i] for p, _ in batch) for i in (1, 2)]
        pixels = torch.stack(
            [
                functional.pad(p, (0, size[1] - p.shape[2], 0, size[0] - p.shape[1]))
                for p, _ in batch
            ]
        )
        out = network(pixels.float() / 255)
        loss = _loss(out, [boxes for _, boxes in batch])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        rate.step()
        show(step, float(loss.detach()))
    # One entry, since safetensors writes several in an order of its own, and equal networks shall
    # be equal files.
    names = sorted({box.name for _, boxes in pictures for box in boxes if box.name})
    said = json.dumps({"settings": asdict(chosen), "words": words, "names": names})
    write_atomically(file, save(network.state_dict(), {"small": said}))
    return SmallNetwork(file)


Target = tuple[tuple[float, float, float, float], tuple[int, ...] | None]
"""Edges in pixels of a window, and the indices of its words; None for a thing that is cut."""


def _window(
    pixels: torch.Tensor,
    boxes: Sequence[LabelledBox],
    words: Sequence[str],
    settings: SmallSettings,
    draw: random.Random,
) -> tuple[torch.Tensor, list[Target]]:
    """A random part of a picture, mirrored half of the time, with the things in it."""
    height, width = (min(side, settings.window) for side in pixels.shape[1:])
    left = draw.randrange(pixels.shape[2] - width + 1)
    top = draw.randrange(pixels.shape[1] - height + 1)
    mirrored = draw.random() < 0.5
    part = pixels[:, top : top + height, left : left + width]
    targets: list[Target] = []
    for box in boxes:
        x0, y0, x1, y1 = (edge * settings.scale for edge in box.box_xyxy)
        x0, x1, y0, y1 = x0 - left, x1 - left, y0 - top, y1 - top
        if min(x1, width) <= max(x0, 0) or min(y1, height) <= max(y0, 0):
            continue
        if mirrored:
            x0, x1 = width - x1, width - x0
        whole = x0 >= -1 and y0 >= -1 and x1 <= width + 1 and y1 <= height + 1
        true = tuple(n for n, word in enumerate(words) if word in box.words) if whole else None
        targets.append(((x0, y0, x1, y1), true))
    return part.flip(2) if mirrored else part, targets


def _loss(out: torch.Tensor, targets: Sequence[Sequence[Target]]) -> torch.Tensor:
    """Focal loss of centres, L1 of edges, cross entropy of words."""
    batch, channels, rows, columns = out.shape
    centre = torch.zeros(batch, rows, columns)
    counts = torch.ones(batch, rows, columns)
    # Cell -> how far the centre of its thing is, the thing's edges, its words. A cell beside that
    # of a centre may believe in it or not, but has to say the same: it may be the peak.
    owned: dict[tuple[int, int, int], tuple[float, list[float], torch.Tensor]] = {}
    for n, things in enumerate(targets):
        for (x0, y0, x1, y1), true in things:
            row, column = int((y0 + y1) / 2 // STRIDE), int((x0 + x1) / 2 // STRIDE)
            if true is None:  # what is cut is neither right nor wrong
                a, b = max(int(y0 // STRIDE), 0), max(int(x0 // STRIDE), 0)
                counts[n, a : int(y1 // STRIDE) + 1, b : int(x1 // STRIDE) + 1] = 0
                continue
            if not (0 <= row < rows and 0 <= column < columns):
                continue
            counts[n, max(row - 1, 0) : row + 2, max(column - 1, 0) : column + 2] = 0
            centre[n, row, column] = 1
            hot = torch.zeros(channels - 5)
            hot[list(true)] = 1
            for r in range(max(row - 1, 0), min(row + 2, rows)):
                for c in range(max(column - 1, 0), min(column + 2, columns)):
                    x, y = (c + 0.5) * STRIDE, (r + 0.5) * STRIDE
                    far = math.hypot((x0 + x1) / 2 - x, (y0 + y1) / 2 - y)
                    sides = [side / _UNIT for side in (x - x0, y - y0, x1 - x, y1 - y)]
                    if (n, r, c) not in owned or far < owned[n, r, c][0]:
                        owned[n, r, c] = (far, sides, hot)
    counts = torch.maximum(counts, centre)
    logits = out[:, 0]
    raw = functional.binary_cross_entropy_with_logits(logits, centre, reduction="none")
    away = (logits.sigmoid() - centre).abs().detach() ** 2
    loss = (raw * away * counts).sum() / max(float(centre.sum()), 1)
    if owned:
        picture, row_of, column_of = (torch.tensor(i) for i in zip(*owned, strict=True))
        own = out[picture, :, row_of, column_of]
        edges = torch.tensor([edges for _, edges, _ in owned.values()])
        words = torch.stack([hot for _, _, hot in owned.values()])
        loss = loss + functional.l1_loss(own[:, 1:5], edges)
        loss = loss + functional.binary_cross_entropy_with_logits(own[:, 5:], words)
    return loss


class SmallNetwork:
    """A trained network as a backend for ``detect``, ``match`` and, where it has names, ``vqa``.

    ``detect``: the things centred in the region of which every word of the phrase is true; a box's
    score is the least of these beliefs. ``match``: for each option the least belief in its words,
    of the thing that the region shows, 0 where it shows none. Words that no label has are refused;
    ``object``, ``thing`` and their like are true of everything. ``vqa``: what it sees is read as a
    scene, each thing by its likeliest name and the words it is believed to be, and the question is
    answered from that as the oracle does from a gold one.
    """

    batch_size = 256

    def __init__(self, file: Path) -> None:
        """Reads the file.

        Raises:
            InputError: It is missing, or no small network.
        """
        from safetensors import SafetensorError, safe_open

        try:
            data = file.read_bytes()
            with safe_open(file, "pt") as opened:
                said = json.loads((opened.metadata() or {})["small"])
                weights = {key: opened.get_tensor(key) for key in opened.keys()}  # noqa: SIM118
            self.settings = SmallSettings(**said["settings"])
            self.words: tuple[str, ...] = tuple(said["words"])
            self.names = frozenset(said.get("names", ()))
            self._network = _Network(len(self.words), self.settings.width)
            self._network.load_state_dict(weights)
        except OSError as error:
            raise InputError(f"cannot read small teacher {file}: {error.strerror}") from None
        except (SafetensorError, KeyError, TypeError, ValueError, RuntimeError) as error:
            reason = str(error).splitlines()[0]
            raise InputError(f"{file} is no small teacher of this version: {reason}") from None
        self._network.eval()
        self.fingerprint = f"small/1 {hashlib.blake2b(data, digest_size=8).hexdigest()}"
        self._seen: dict[str, tuple[Seen, ...]] = {}

    @property
    def parameters(self) -> int:
        """How many weights it has."""
        return sum(p.numel() for p in self._network.parameters())

    def answer(
        self, calls: Sequence[Call], pictures: Mapping[str, Picture]
    ) -> list[Result | ToolError]:
        """See ``Backend``."""
        answers: list[Result | ToolError] = []
        for call in calls:
            region = call.args["image"]
            assert isinstance(region, Region)
            try:
                answers.append(self._answer(call, region, pictures[region.picture]))
            except ToolError as error:
                answers.append(error)
        return answers

    def see(self, picture: Picture) -> tuple[Seen, ...]:
        """Everything in a picture, the surest first; the last pictures are remembered."""
        known = self._seen.get(picture.digest)
        if known is None:
            if len(self._seen) > 4096:
                self._seen.clear()
            known = self._seen[picture.digest] = self._look(picture)
        return known

    def read(self, phrase: str) -> tuple[int, ...]:
        """The words of the vocabulary that a phrase says.

        Raises:
            ToolError: It says another word.
        """
        said = []
        for token in tokens(phrase):
            index = next((n for n, w in enumerate(self.words) if is_form_of(token, w)), None)
            if index is not None:
                said.append(index)
            elif token not in ANYTHING:
                known = ", ".join(self.words)
                raise ToolError(f"the small network knows no {token!r}. Known: {known}")
        return tuple(said)

    def _answer(self, call: Call, region: Region, picture: Picture) -> Result:
        if call.tool == "detect":
            phrase = str(call.args["phrase"])
            wanted = self.read(phrase)
            here = self._here(picture, region)
            scored = [(_belief(seen, wanted), seen) for seen in here]
            kept = [(score, seen) for score, seen in scored if score >= BELIEVED]
            boxes = [Region(region.picture, *s.box_xyxy, phrase, round(b, 6)) for b, s in kept]
            # As sure as the least sure of its decisions, for a box and against one.
            sure = min((max(score, 1 - score) for score, _ in scored), default=1.0)
            return Result(list[Any](boxes), {"confidence": round(sure, 6)})
        if call.tool == "match":
            options = call.args["options"]
            assert isinstance(options, list)
            said = [self.read(str(option)) for option in options]
            here = self._here(picture, region)
            things = [
                SceneObject(id=str(n), name="", box_xyxy=s.box_xyxy) for n, s in enumerate(here)
            ]
            main = main_object(things, region)
            if main is None:
                return Result([0.0] * len(options))
            shown = here[int(main.id)]
            return Result([round(_belief(shown, wanted), 6) for wanted in said])
        if call.tool == "vqa" and self.names:
            return self._reply(str(call.args["question"]), region, picture)
        raise ToolError(f"this small network answers detect and match, not {call.tool}")

    def _reply(self, question: str, region: Region, picture: Picture) -> Result:
        here = self._here(picture, region)
        things = [self._thing(str(n), seen) for n, seen in enumerate(here)]
        width, height = picture.size
        scene = Scene(width=width, height=height, objects=tuple(things))
        answer = Asked(question, region, scene, things).reply()
        # As sure as of the word of the vocabulary that it answers, where it is one.
        sure = [s.words[self.words.index(answer)] for s in here if answer in self.words]
        return Result(answer, {"confidence": round(max(sure, default=1.0), 6)})

    def _thing(self, id: str, seen: Seen) -> SceneObject:
        """What a thing is believed to be, the surest word first."""
        by_belief = sorted(zip(seen.words, self.words, strict=True), key=lambda pair: -pair[0])
        name = next(word for _, word in by_belief if word in self.names)
        true = [w for belief, w in by_belief if belief >= BELIEVED and w not in self.names]
        return SceneObject(
            id=id,
            name=name,
            box_xyxy=seen.box_xyxy,
            attributes=tuple(w for w in true if is_attribute(w)),
            names=tuple(w for w in true if not is_attribute(w)),
        )

    def _here(self, picture: Picture, region: Region) -> list[Seen]:
        """What is centred in a region."""
        seen = self.see(picture)
        width, height = picture.size
        things = tuple(
            SceneObject(id=str(n), name="", box_xyxy=s.box_xyxy) for n, s in enumerate(seen)
        )
        scene = Scene(width=width, height=height, objects=things)
        return [seen[int(thing.id)] for thing in objects_in(scene, region)]

    @torch.inference_mode()
    def _look(self, picture: Picture) -> tuple[Seen, ...]:
        scale = self.settings.scale
        out = self._network(_pixels(picture, scale)[None].float() / 255)[0]
        centre = out[0].sigmoid()
        peaks = functional.max_pool2d(centre[None, None], 3, 1, 1)[0, 0]
        rows, columns = torch.nonzero((centre >= BELIEVED) & (centre == peaks), as_tuple=True)
        found = []
        for row, column in zip(rows.tolist(), columns.tolist(), strict=True):
            x, y = (column + 0.5) * STRIDE, (row + 0.5) * STRIDE
            left, top, right, bottom = (out[1:5, row, column] * _UNIT).tolist()
            box = ((x - left) / scale, (y - top) / scale, (x + right) / scale, (y + bottom) / scale)
            words = tuple(out[5:, row, column].sigmoid().tolist())
            found.append(Seen(box, float(centre[row, column]), words))
        return tuple(_distinct(sorted(found, key=lambda s: -s.belief)))


def _belief(seen: Seen, words: Sequence[int]) -> float:
    return min([seen.belief, *(seen.words[n] for n in words)])


def _distinct(found: Sequence[Seen]) -> list[Seen]:
    """Without boxes that overlap a surer one."""
    from vprog.evaluation.zoo.metrics import iou

    kept: list[Seen] = []
    for seen in found:
        if all(iou(seen.box_xyxy, other.box_xyxy) < _OVERLAP for other in kept):
            kept.append(seen)
    return kept
