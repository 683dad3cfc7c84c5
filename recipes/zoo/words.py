"""A word-level tokenizer of the world's English, saved as an ordinary tokenizers folder."""

from __future__ import annotations

from typing import Any

from vprog.world.vocabulary import (
    COLORS,
    KINDS,
    PATTERNS,
    SIZES,
    TAXONOMY,
    plural,
)

ANYTHING = ("object", "thing", "item", "shape", "figure", "one")
PAD, UNKNOWN, BEGIN, END = "[PAD]", "[UNK]", "[BOS]", "[EOS]"
LENGTH = 16
"""Tokens of a phrase, begin and end included."""

_GRAMMAR = """
    a an the is are there this that these those it its what which
    who where how many much color colour kind type sort size pattern does do
    have has of in on at to and or not no yes same different
    all any some both either neither you see can picture image photo scene background
    drawing dark light left right top bottom above below side half front behind next
    upper lower than larger smaller bigger big little tiny solid spotted common between with
    without more fewer less most least exactly only each every other another piece pieces
    items things zero one two three four five six seven eight nine ten show
    shows contain contains visible present total number count look looks either's name called made
    material black white gray grey photograph be was so as equal
"""


def words() -> list[str]:
    """Every word that the tokenizer knows, without the special ones."""
    nouns = [*KINDS, *TAXONOMY, *ANYTHING]
    plurals = [plural(noun).split()[-1] for noun in nouns]
    known = [
        *nouns,
        *plurals,
        *COLORS,
        *SIZES,
        *PATTERNS,
        *_GRAMMAR.split(),
        "?",
        ".",
        ",",
        "'",
        "s",
    ]
    return sorted(set(known))


def build(bert_style: bool = False) -> Any:
    """The tokenizer; the end-of-text token has the highest id, as CLIP's text pooling wants it.

    Args:
        bert_style: Adds token type ids to what it returns, as ViLT's processor expects.
    """
    from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors
    from transformers import PreTrainedTokenizerFast

    vocabulary = [PAD, UNKNOWN, BEGIN, *words(), END]
    ids = {word: index for index, word in enumerate(vocabulary)}
    tokenizer = Tokenizer(models.WordLevel(ids, unk_token=UNKNOWN))
    tokenizer.normalizer = normalizers.Lowercase()
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    tokenizer.post_processor = processors.TemplateProcessing(
        single=f"{BEGIN} $A {END}",
        pair=f"{BEGIN} $A {END} $B {END}",
        special_tokens=[(BEGIN, ids[BEGIN]), (END, ids[END])],
    )
    inputs = ["input_ids", *(["token_type_ids"] if bert_style else []), "attention_mask"]
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        pad_token=PAD,
        unk_token=UNKNOWN,
        bos_token=BEGIN,
        eos_token=END,
        model_max_length=LENGTH if not bert_style else 2 * LENGTH,
        model_input_names=inputs,
    )
