"""The tokenizer of a tiny writer: one vocabulary of words for questions and programs.

A word that a program copies from its question is one token, and the same one, in both. What
programs say between such words (``")`` and a new line, ``=LOC(image=IMAGE,object='``) is one token
where it is frequent. One blank between two words is no token: decoding puts it back, so that every
program comes back to the letter.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Sequence

from tokenizers import Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers
from transformers import PreTrainedTokenizerFast

from vprog.world.vocabulary import COLORS, KINDS, PATTERNS, SIZES, TAXONOMY

PAD, UNKNOWN, ASK, WRITE, END = SPECIAL = ("<pad>", "<unk>", "<ask>", "<write>", "</s>")
COPIED = (
    *KINDS, *TAXONOMY, *COLORS, *SIZES, *PATTERNS, "object", "shape", "circle", "square",
    "triangle", "left", "right", "above", "below", "top", "bottom", "dark", "light",
)  # fmt: skip
"""Words that programs copy from questions."""
BLANK, START = "▁", "¦"
"""A single blank between letters, and (in decoding only) the beginning of a word."""
_BETWEEN = "(?<=[A-Za-z]) (?=[A-Za-z])"
_REST = r"[A-Za-z]+|[0-9]|[^A-Za-z0-9]"

TEMPLATE = (
    "{% for message in messages %}"
    "{% if message['role'] == 'assistant' %}{{ '<write>' + message['content'] + '</s>' }}"
    "{% else %}{{ '<ask>' + message['content'] }}{% endif %}"
    "{% endfor %}{% if add_generation_prompt %}{{ '<write>' }}{% endif %}"
)
"""The chat template."""


def _normal(text: str) -> str:
    return re.sub(_BETWEEN, BLANK, text)


def _copied(words: Sequence[str]) -> str:
    listed = "|".join(sorted(words, key=len, reverse=True))
    return rf"(?<![A-Za-z])(?:{listed})(?![A-Za-z=])|[0-9]"


def fragments(programs: Iterable[str], words: Sequence[str], least: int) -> list[str]:
    """What stands between copied words at least ``least`` times, longest first."""
    counts: Counter[str] = Counter()
    for program in programs:
        counts.update(part for part in re.split(_copied(words), _normal(program)) if part)
    frequent = [f for f, n in counts.items() if n >= least and not re.fullmatch(_REST, f)]
    return sorted(frequent, key=lambda f: (-len(f), f))


def build(
    questions: Sequence[str], programs: Sequence[str], *, copied: Sequence[str] = COPIED,
    least: int = 40, rare: int = 3, length: int = 512,
) -> PreTrainedTokenizerFast:  # fmt: skip
    """A tokenizer for such questions and programs.

    Args:
        questions: Texts as prompts hold them.
        programs: In all languages.
        copied: Words that must stay tokens of their own in programs.
        least: How often a fragment of programs must occur to be one token.
        rare: Words of questions that occur less often are unknown.
        length: Longest prompt with program, in tokens.
    """
    known = fragments(programs, copied, least)
    pattern = "|".join((*map(_guarded, known), _REST))
    cut = re.compile(pattern)
    asked = Counter(t for text in questions for t in cut.findall(_normal(text)))
    said = Counter(t for text in programs for t in cut.findall(_normal(text)))
    listed = {t for t, n in asked.items() if n >= rare} | set(said) | set("0123456789")
    for word in copied:
        listed |= {word}
    listed -= {BLANK}
    tokens = [*SPECIAL, *sorted(listed)]
    tokenizer = Tokenizer(
        models.WordLevel({token: i for i, token in enumerate(tokens)}, unk_token=UNKNOWN)
    )
    tokenizer.normalizer = normalizers.Replace(Regex(_BETWEEN), BLANK)
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Split(Regex(pattern), "isolated"),
            pre_tokenizers.Split(Regex(f"^{BLANK}$"), "removed"),
        ]
    )
    tokenizer.decoder = decoders.Sequence(
        [
            decoders.Replace(Regex("^(?=[A-Za-z])"), START),
            decoders.Fuse(),
            decoders.Replace(Regex(f"(?<=[A-Za-z]){START}"), " "),
            decoders.Replace(START, ""),
            decoders.Replace(BLANK, " "),
        ]
    )
    fast = PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, pad_token=PAD, unk_token=UNKNOWN, bos_token=ASK, eos_token=END,
        additional_special_tokens=[WRITE], padding_side="left", model_max_length=length,
        clean_up_tokenization_spaces=False,
    )  # fmt: skip
    fast.chat_template = TEMPLATE
    return fast


def _guarded(fragment: str) -> str:
    """A pattern for a fragment that never cuts a word."""
    text = re.escape(fragment)
    if fragment[0].isalpha():
        text = "(?<![A-Za-z])" + text
    if fragment[-1].isalpha():
        text += "(?![A-Za-z])"
    return text
