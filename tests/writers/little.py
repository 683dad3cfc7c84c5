"""A little Llama with a chat template and random weights: it writes nonsense, always the same."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

TEMPLATE = (
    "{% for m in messages %}{{ '<|' + m['role'] + '|>' + m['content'] + '<|end|>' }}{% endfor %}"
    "{% if add_generation_prompt %}<|assistant|>{% endif %}"
)
SPECIAL = ["<|pad|>", "<|end|>", "<|user|>", "<|assistant|>", "<|system|>"]


def tokenizer() -> Any:
    """One token for each printable character of ASCII, the blank and the newline."""
    from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers
    from transformers import PreTrainedTokenizerFast

    alphabet = [*map(chr, range(33, 127)), "\u0120", "\u010a"]  # as ByteLevel writes them
    made = Tokenizer(models.BPE({token: n for n, token in enumerate([*SPECIAL, *alphabet])}, []))
    made.add_special_tokens([AddedToken(token, special=True) for token in SPECIAL])
    made.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    made.decoder = decoders.ByteLevel()
    return PreTrainedTokenizerFast(
        tokenizer_object=made,
        pad_token="<|pad|>",
        eos_token="<|end|>",
        chat_template=TEMPLATE,
        clean_up_tokenization_spaces=False,
    )


def make_writer(folder: Path, **settings: Any) -> Path:
    """Saves a model, its tokenizer and, where given, the settings it was made for."""
    import torch
    from transformers import LlamaConfig, LlamaForCausalLM

    words = tokenizer()
    torch.manual_seed(0)
    model = LlamaForCausalLM(
        LlamaConfig(
            vocab_size=len(words),
            hidden_size=32,
            intermediate_size=64,
            num_hidden_layers=2,
            num_attention_heads=4,
            num_key_value_heads=2,
            max_position_embeddings=1024,
            initializer_range=0.3,
            pad_token_id=0,
            eos_token_id=1,
            bos_token_id=None,
        )
    )
    with torch.no_grad():
        model.lm_head.weight[1] *= 2  # an end now and then
        model.lm_head.weight[[0, 2, 3, 4]] = 0
    # A server draws when it is given a temperature only if the checkpoint says that it may.
    model.generation_config.do_sample = True
    model.save_pretrained(folder)
    words.save_pretrained(folder)
    if settings:
        (folder / "vprog.json").write_text(json.dumps({"settings": settings}))
    return folder
