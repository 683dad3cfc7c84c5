"""Words that a model cannot read are told once."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
from tokenizers import Tokenizer, models, pre_tokenizers

from vprog.tools.backends.hf.words import Unread, unread

WORDS = {"<pad>": 0, "<unk>": 1, "red": 2, "cup": 3, "<end>": 4}


@pytest.fixture
def fast() -> Any:
    """A tokenizer of whole words, as transformers hands it out."""
    inner = Tokenizer(models.WordLevel(WORDS, unk_token="<unk>"))
    inner.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    return SimpleNamespace(
        is_fast=True, backend_tokenizer=inner, unk_token_id=1, bos_token_id=None, eos_token_id=4,
        pad_token_id=0,
    )  # fmt: skip


def look(seen: Unread, fast: Any, *texts: str) -> None:
    seen.look(texts, [fast.backend_tokenizer.encode(text).ids for text in texts])


def test_unread_words_in_the_order_of_their_appearance(fast: Any) -> None:
    texts = ["red quokka cup", "emu red quokka", "<unk>"]
    assert unread(fast.backend_tokenizer, 1, texts) == ["quokka", "emu"]
    assert unread(fast.backend_tokenizer, None, texts) == []


def test_they_are_told_once(fast: Any, capsys: pytest.CaptureFixture[str]) -> None:
    seen = Unread("detect (x)", fast)
    look(seen, fast, "red cup", "red")
    assert capsys.readouterr().err == ""
    look(seen, fast, "red", "red emu")
    assert "detect (x) does not know 'emu'" in capsys.readouterr().err
    look(seen, fast, "quokka")
    assert capsys.readouterr().err == ""
    look(Unread("y", fast), fast, " ".join(f"word{n}" for n in range(10)))
    assert "'word6', 'word7' and 2 more: " in capsys.readouterr().err


@pytest.mark.parametrize(
    "changes", [{"eos_token_id": 1}, {"unk_token_id": None}, {"is_fast": False}]
)
def test_models_that_read_everything_are_left_alone(
    fast: Any, changes: dict[str, Any], capsys: pytest.CaptureFixture[str]
) -> None:
    look(Unread("x", SimpleNamespace(**{**vars(fast), **changes})), fast, "emu")
    assert capsys.readouterr().err == ""
