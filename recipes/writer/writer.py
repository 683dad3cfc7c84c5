"""Trains ``writer``: a tiny Llama that writes programs for questions of the drawn world.

Questions are drawn as meanings with gold programs (no picture is painted); every time one is used
it is put into other words, of the training half of ``vprog.world.paraphrases``, in a random one of
the two languages.
"""

from __future__ import annotations

import json
import random
from collections.abc import Iterable, Sequence
from itertools import islice
from typing import Any

import torch
from pairs import Asked, draw
from programs import canonical
from publish import save
from training import ROOT, Row, arguments, batches, exact, loss_of, plan, trainer_of
from transformers import AutoTokenizer, LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast
from wording import STRANGE, prompt, wording
from words import ASK, END, WRITE, build

from vprog.benchmarks.shapes import RELATIONS, parse_expression, python_program, steps_program
from vprog.program.program import LANGUAGES
from vprog.world.paraphrase_frames import Part

ROUND = 6_000
"""Questions of a round, sorted into batches by length."""
VAL = 400


def shapes_programs() -> list[str]:
    """Programs over SHAPES' tools for made-up expressions, so that the words hold theirs too."""
    texts = []
    for one in ("red", "green", "blue", "circle", "square", "triangle"):
        for relation in RELATIONS:
            for two in RELATIONS:
                expression = parse_expression(f"(is {one} ({relation} ({two} {one})))")
                texts += [steps_program(expression), canonical(python_program(expression))]
    return texts


def drawn(name: str, count: int, seed: int) -> list[Asked]:
    """Questions, drawn once and kept in ``runs/writer``."""
    path = ROOT / "runs" / "writer" / f"questions-{name}-{seed}-{count}.jsonl"
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        new = path.with_suffix(".new")
        with new.open("w", encoding="utf-8") as file:
            for asked in islice(draw(f"{name}/{seed}"), count):
                row = [asked.task, asked.text, asked.semantic, asked.programs]
                file.write(json.dumps(row) + "\n")
        new.replace(path)
    lines = path.read_text(encoding="utf-8").splitlines()
    found = [Asked(*json.loads(line)) for line in lines]
    for asked in found:
        asked.programs["python"] = canonical(asked.programs["python"])
    return found


def tokenizer_of(questions: Sequence[Asked], seed: int) -> PreTrainedTokenizerFast:
    """The words of some wordings of the questions and of their programs."""
    rng = random.Random(f"{seed}/words")
    some = questions[:15_000]
    texts = [prompt("steps", a.task, wording(a, rng)) for a in some for _ in range(2)]
    texts = [text.replace(STRANGE, "the") for text in texts]
    texts += [prompt("python", a.task, a.text) for a in some[:100]]
    programs = [program for a in some for program in a.programs.values()]
    return build(texts, programs + shapes_programs())


def model_of(words: int, layers: int, width: int) -> LlamaForCausalLM:
    """A fresh writer."""
    config = LlamaConfig(
        vocab_size=words, hidden_size=width, intermediate_size=width * 5 // 2,
        num_hidden_layers=layers, num_attention_heads=width // 32,
        num_key_value_heads=width // 32, max_position_embeddings=512, tie_word_embeddings=True,
        initializer_range=0.04, pad_token_id=0, bos_token_id=2, eos_token_id=4,
    )  # fmt: skip
    return LlamaForCausalLM(config)


def encode(
    tokenizer: PreTrainedTokenizerFast, pairs: Iterable[tuple[str, str]]
) -> list[Row]:  # fmt: skip
    """Prompts and programs as the chat template joins them."""
    pairs = list(pairs)
    asked = tokenizer([f"{ASK}{text}{WRITE}" for text, _ in pairs], add_special_tokens=False)
    written = tokenizer([program + END for _, program in pairs], add_special_tokens=False)
    return [(a + w, len(a)) for a, w in zip(asked.input_ids, written.input_ids, strict=True)]


def validation(
    tokenizer: PreTrainedTokenizerFast, questions: Sequence[Asked], part: Part
) -> dict[str, list[Row]]:
    """Rows of fresh questions in the frames of one part, by language."""
    rng = random.Random(f"val/{part}")
    texts = [(asked, asked.said(rng, part)) for asked in questions]
    return {
        language: encode(
            tokenizer, [(prompt(language, a.task, t), a.programs[language]) for a, t in texts]
        )
        for language in LANGUAGES
    }


def main() -> None:
    """Trains, resuming where an earlier process stopped; saves the checkpoint at the end."""
    parser = arguments("writer", __doc__ or "", steps=6000, rate=5e-3)
    parser.add_argument("--questions", type=int, default=90_000, help="drawn for training")
    parser.add_argument("--layers", type=int, default=4)
    parser.add_argument("--width", type=int, default=128)
    parser.add_argument(
        "--until", type=float, default=0,
        help="end once this share of validation programs is exact, for a weak writer",
    )  # fmt: skip
    given = parser.parse_args()
    task = plan(given)
    torch.manual_seed(task.seed)
    questions = drawn("train", given.questions, task.seed)
    words = task.folder / "tokenizer"
    if not words.is_dir():
        tokenizer_of(questions, task.seed).save_pretrained(words)
    tokenizer = AutoTokenizer.from_pretrained(words)
    model = model_of(len(tokenizer), given.layers, given.width)
    trainer = trainer_of(task, model)
    fresh = drawn("val", VAL, task.seed)
    seen = validation(tokenizer, fresh, "train")
    held = validation(tokenizer, fresh, "held-out")

    def round_(number: int) -> list[list[Row]]:
        rng = random.Random(f"{task.seed}/{number}")
        pairs = []
        for asked in rng.choices(questions, k=ROUND):
            language = rng.choice(LANGUAGES)
            said = prompt(language, asked.task, wording(asked, rng))
            pairs.append((said, asked.programs[language]))
        found = batches(encode(tokenizer, pairs), given.tokens)
        rng.shuffle(found)
        return found

    pad = tokenizer.pad_token_id

    def validate(average: Any) -> dict[str, float]:
        return {
            f"{name}_{language}": exact(average, some, pad)
            for name, rows in (("exact", seen), ("held_out", held))
            for language, some in rows.items()
        }

    def enough(figures: dict[str, float]) -> bool:
        return given.until > 0 and min(figures[f"exact_{k}"] for k in LANGUAGES) >= given.until

    if trainer.train(loss_of(model, pad, round_), validate, enough):
        save(trainer, tokenizer, given.out)


if __name__ == "__main__":
    main()
