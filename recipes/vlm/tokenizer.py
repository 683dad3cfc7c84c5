"""The vision-language model's tokenizer: whole words, numbers, brackets; with a chat template.

``red cat : 2 at [3 4 9 12] and [20 21 25 28] .`` is one token a word, number and bracket, and comes
back to the letter. A picture stands before the text of its turn, whatever the order in a message,
so that all that is asked about a picture begins alike.
"""

from __future__ import annotations

import sys
from functools import cache
from pathlib import Path
from typing import Any

RECIPES = Path(__file__).resolve().parents[1]
for _folder in ("zoo", "writer", "vlm"):
    if str(RECIPES / _folder) not in sys.path:
        sys.path.append(str(RECIPES / _folder))

PAD, UNKNOWN, USER, ASSISTANT, END = "<pad>", "<unk>", "<user>", "<assistant>", "<end_of_utterance>"
IMAGE, BEGIN, TILE, PATCH, CLOSE = "<image>", "<begin_image>", "<whole>", "<patch>", "<end_image>"
SPECIAL = (PAD, UNKNOWN, USER, ASSISTANT, END, IMAGE, BEGIN, TILE, PATCH, CLOSE)
LENGTH = 512
"""Longest prompt with answer, in tokens."""
CUT = r"[a-z]+|[0-9]{1,2}|[^\sa-z0-9]"
"""What is one token, in lower case."""
TEMPLATE = (
    "{% for message in messages %}"
    "{{ '<user>' if message['role'] != 'assistant' else '<assistant>' }}"
    "{% if message['content'] is string %}{{ message['content'] }}{% else %}"
    "{% for part in message['content'] %}{% if part['type'] == 'image' %}{{ '<image>' }}{% endif %}"
    "{% endfor %}"
    "{% for part in message['content'] %}{% if part['type'] == 'text' %}{{ part['text'] }}"
    "{% endif %}{% endfor %}{% endif %}"
    "{% if message['role'] == 'assistant' %}{{ '<end_of_utterance>' }}{% endif %}"
    "{% endfor %}{% if add_generation_prompt %}{{ '<assistant>' }}{% endif %}"
)
"""The chat template; a turn of a user ends where the answer begins."""

MORE = """
    region regions crop cropped box boxes center edge corner middle area inside outside upper lower
    front behind ahead nearest far next first second third last answer answers explain explanation
    reason reasons step steps briefly short shortly word phrase list describe caption so because
    then since are is was none nothing unknown yes no true false left right top bottom above below
    circle square triangle shape shapes circles squares triangles ellipse rectangle cross pentagon
    semicircle cyan magenta gray grey black white item tower touching wall row column cell grid
    find look point count name ball compare equal equals larger smaller same different more fewer
    less least most exactly both either neither every all any some each of to the a an in on at by
    for there here it its they them this that these those result value values number total sum minus
    plus than as with without and or not only if else when result has have had does do did can
    answered question given says said therefore thus two three four five six seven eight nine ten
    zero one verify property match matches best text query simple fits fit likely score segment
    depth closer further farther between among pair pairs picture image photo background style
    outline chalk pixels around whole part full empty visible seen covered hidden spot spots
    single rationale reasoning times divided differs xor edited repainted choices options write why
    places done using please finally
"""
"""Words of explanations, of SHAPES and of its kin, beside those of the world."""


@cache
def known_words(questions: int) -> tuple[str, ...]:
    """Every word that has a token: the world's, its questions' in all wordings, ``MORE``."""
    import random
    import re
    from itertools import islice

    import pairs
    from words import words

    found = set(words()) | set(MORE.split()) | set(map(str, range(100)))
    found |= set("[](){}<>=+-*/%_'\"?.,:;!&")
    rng = random.Random("vlm/words")
    for asked in islice(pairs.draw("vlm/words"), questions):
        for text in (asked.text, asked.said(rng, "train"), asked.said(rng, "held-out")):
            found.update(re.findall(CUT, text.lower()))
    return tuple(sorted(found))


def build(questions: int = 30_000) -> Any:
    """The tokenizer, with the chat template; words are collected from so many questions."""
    from tokenizers import Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers
    from transformers import PreTrainedTokenizerFast

    ids = {word: index for index, word in enumerate((*SPECIAL, *known_words(questions)))}
    tokenizer = Tokenizer(models.WordLevel(ids, unk_token=UNKNOWN))
    tokenizer.normalizer = normalizers.Lowercase()
    tokenizer.pre_tokenizer = pre_tokenizers.Split(Regex(CUT), "removed", invert=True)
    tokenizer.decoder = decoders.Sequence(
        [
            decoders.Replace(Regex("^(?=.)"), " "),
            decoders.Fuse(),
            decoders.Replace("[ ", "["),
            decoders.Replace(" ]", "]"),
            decoders.Strip(" ", 1, 0),
        ]
    )
    fast = PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, pad_token=PAD, unk_token=UNKNOWN, bos_token=USER, eos_token=END,
        additional_special_tokens=[ASSISTANT, *SPECIAL[5:]], padding_side="left",
        model_max_length=LENGTH, clean_up_tokenization_spaces=False,
    )  # fmt: skip
    fast.chat_template = TEMPLATE
    return fast
