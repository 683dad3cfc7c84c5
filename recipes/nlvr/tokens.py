"""The tokenizer: words of statements by byte-pair encoding, programs in pieces of a line.

A piece such as ``touching_edge(`` or ``) >= `` is one token, which makes programs about fifteen
tokens long. Misspelled words fall apart into letters, so that the writer can learn to read them.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from meaning import COLORS, OPENING, SHAPES

PAD, END, USER, PROGRAM = "<pad>", "<end>", "<user>", "<program>"
NOUNS = ("item", "block", *SHAPES)
TEMPLATE = (
    "{% for message in messages %}"
    "{% if message['role'] == 'assistant' %}<program>{{ message['content'] }}<end>"
    "{% else %}<user>{{ message['content'] }}{% endif %}"
    "{% endfor %}{% if add_generation_prompt %}<program>{% endif %}"
)
"""The question, and after it the program."""
WORDS = 640
"""Size of the vocabulary without the pieces."""

OPERATORS = ("==", ">=", "<=", "<", ">")
VARIABLES = {"SET": 14, "WITH": 8, "LEVEL": 5, "COUNT": 5, "SORTED": 3}
"""Stems of variables in `steps` and how many of each are one token."""

PYTHON = (
    OPENING,
    *(f"{a}{f}(" for a in ("", " and ", " or ", "(") for f in ("any", "all", "sum", "len", "not ")),
    ") - len(", *(f") {op} len(" for op in ("==", ">", "<")),
    " for box in grey_boxes(image))",
    ' for tower in towers(image.find("block")))',
    ' for color in ["black", "blue", "yellow"])',
    ' for shape in ["circle", "square", "triangle"])',
    "image.find(", "box.find(", "tower.find(",
    *(f'"{c} {n}")' for c in ("", *COLORS) for n in NOUNS if c),
    *(f'"{n}")' for n in NOUNS),
    *(f'color + " {n}")' for n in NOUNS),
    *(f'"{c} " + shape)' for c in COLORS),
    "shape)",
    "touching_edge(", "of_size(", "on_top_of(", "touching(", "inside(",
    ', level([tower], tower.find("block"), ', ', level([box], box.find("item"), ',
    ", grey_boxes(image)", ", [box]", ", image.find(", ", box.find(", ", tower.find(",
    *(f', "{e}")' for e in ("left", "right", "top", "bottom", "corner")),
    *(f', "{a} {b} corner")' for a in ("top", "bottom") for b in ("left", "right")),
    *(f', "{s}")' for s in ("small", "medium", "big")),
    *(f"{end} {op} {n}" for end in ("", ")") for op in OPERATORS for n in range(9)),
    ") == number", " for number in range(1, 9))",
    "1))", "2))", "3))", "3))", "-1))", "-2))", ")", "\n",
)  # fmt: skip

STEPS = (
    "BOXES0=GREY_BOXES(image=IMAGE)\n", "BOXES0", "TOWERS0=TOWERS(blocks=", "TOWERS0",
    *(f"{stem}{i}" for stem, n in VARIABLES.items() for i in range(n)),
    *(f"{{COUNT{i}}}" for i in range(5)),
    "=LOC(image=IMAGE,object='",
    *(f"{c} {n}')\n".strip(" ") for c in ("", *COLORS) for n in NOUNS),
    "=OF_SIZE(boxes=", *(f",size='{s}')\n" for s in ("small", "medium", "big")),
    "=TOUCHING_EDGE(boxes=", ",containers=",
    *(f",edge='{e}')\n" for e in ("left", "right", "top", "bottom", "corner")),
    *(f",edge='{a} {b} corner')\n" for a in ("top", "bottom") for b in ("left", "right")),
    "=LEVEL(containers=", *(f",number={n})\n" for n in (1, 2, 3, -1, -2)),
    "=INSIDE(boxes=", "=ON_TOP_OF(boxes=", "=TOUCHING(boxes=", ",others=",
    "=HOLDING(containers=", "=HOLDING_KINDS(containers=", ",boxes=",
    *(f",at_least={n}" for n in range(9)), *(f",at_most={n}" for n in range(9)),
    "=CLASSIFY(image=IMAGE,object=", ",categories=['black','blue','yellow'])\n",
    ",categories=['circle','square','triangle'])\n",
    "=COUNT(box=", ")\n", 'ANSWER0=EVAL(expr="', '")\nFINAL_RESULT=RESULT(var=ANSWER0)\n',
    *(f" {word} {{COUNT{i}}}" for word in ("and", "or", "-", "==", ">", "<") for i in range(5)),
)  # fmt: skip
"""Of programs in both languages: what is one token."""


def train_tokenizer(sentences: Iterable[str], pieces: Iterable[str]) -> Any:
    """The tokenizer as transformers loads it.

    Args:
        sentences: Prompts, misspelled ones among them.
        pieces: Text of programs that is one token.
    """
    from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers, trainers
    from transformers import PreTrainedTokenizerFast

    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=WORDS,
        min_frequency=15,
        special_tokens=[PAD, END, USER, PROGRAM],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    tokenizer.train_from_iterator(sentences, trainer)
    tokenizer.add_tokens([AddedToken(p, normalized=False) for p in dict.fromkeys(pieces)])
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        pad_token=PAD,
        eos_token=END,
        additional_special_tokens=[USER, PROGRAM],
        chat_template=TEMPLATE,
        clean_up_tokenization_spaces=False,
        padding_side="left",
        model_max_length=512,
    )


def config(size: int, *, width: int = 128, layers: int = 4) -> Any:
    """A Llama of about 0.9 million parameters."""
    from transformers import LlamaConfig

    return LlamaConfig(
        vocab_size=size,
        hidden_size=width,
        intermediate_size=width * 5 // 2,
        num_hidden_layers=layers,
        num_attention_heads=width // 32,
        num_key_value_heads=width // 32,
        max_position_embeddings=512,
        tie_word_embeddings=True,
        pad_token_id=0,
        eos_token_id=1,
        bos_token_id=None,
        initializer_range=0.04,
    )
