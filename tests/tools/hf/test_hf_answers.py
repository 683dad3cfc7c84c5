"""vqa, match, depth and writing: values against transformers' own, and what settings change."""

from __future__ import annotations

import json
import math
import shutil
from typing import Any

import pytest
from agree import agree

from vprog.errors import InputError
from vprog.example import Region
from vprog.tools.backends.hf.binding import open_backend, settings_class
from vprog.tools.backends.hf.chat import WINDOW
from vprog.tools.backends.hf.depth import Depth, DepthSettings
from vprog.tools.backends.hf.generated import read_generated, short_answer
from vprog.tools.backends.hf.match import Match, MatchSettings
from vprog.tools.backends.hf.vqa import Vqa, VqaSettings
from vprog.trace import Call, Result

QUESTION = "what color is the cup ?"


def vqa(folder: Any, pictures: Any, *asked: tuple[Region, str], **settings: Any) -> list[Result]:
    backend = Vqa(VqaSettings(model=str(folder), **settings), "test")
    calls = [Call("vqa", {"image": region, "question": question}) for region, question in asked]
    return list(backend.answer(calls, pictures))  # type: ignore[arg-type]


def match(folder: Any, pictures: Any, options: list[str], **settings: Any) -> list[float]:
    backend = Match(MatchSettings(model=str(folder), **settings), "test")
    call = Call("match", {"image": pictures["p3"].region, "options": options})
    return list(backend.answer([call], pictures)[0].value)  # type: ignore[union-attr]


def plain(folder: Any, auto: str) -> tuple[Any, Any]:
    import transformers

    model = getattr(transformers, auto).from_pretrained(folder).eval()
    return model, transformers.AutoProcessor.from_pretrained(folder, backend="pil")


def test_vilt_answers_as_plain_transformers_does(checkpoint, pictures) -> None:
    import torch

    folder, seen = checkpoint("vilt"), pictures["p2"]
    [result] = vqa(folder, pictures, (seen.region, QUESTION), answers_kept=9)
    model, processor = plain(folder, "AutoModelForVisualQuestionAnswering")
    with torch.inference_mode():
        out = model(**processor(images=seen.load(), text=QUESTION, return_tensors="pt"))
    shares = out.logits.softmax(-1)[0]
    expected = {model.config.id2label[n]: float(share) for n, share in enumerate(shares)}
    told = result.info["distribution"]
    assert told.keys() == expected.keys()
    assert all(told[name] == pytest.approx(expected[name], abs=1e-3) for name in told)
    assert sum(told.values()) == pytest.approx(1, abs=1e-2)
    assert result.value == max(expected, key=expected.__getitem__)


def test_blip_writes_as_plain_transformers_does(checkpoint, pictures) -> None:
    folder, seen = checkpoint("blip"), pictures["p1"]
    [result] = vqa(folder, pictures, (seen.region, QUESTION), max_new_tokens=4)
    model, processor = plain(folder, "AutoModelForVisualQuestionAnswering")
    inputs = processor(images=seen.load(), text=QUESTION, return_tensors="pt")
    written = model.generate(
        input_ids=inputs["input_ids"],
        attention_mask=inputs["attention_mask"],
        pixel_values=inputs["pixel_values"],
        max_new_tokens=4,
        do_sample=False,
    )
    text = processor.tokenizer.decode(written[0], skip_special_tokens=True)
    assert result.value == short_answer(text)
    assert 0 <= result.info["score"] <= 1


def test_a_chat_model_reads_picture_and_prompt(checkpoint, pictures) -> None:
    import torch

    folder, seen = checkpoint("llava"), pictures["p1"]
    [result] = vqa(folder, pictures, (seen.region, QUESTION), max_new_tokens=4, prompt="{} yes")
    model, processor = plain(folder, "AutoModelForImageTextToText")
    text = f"User : <image>{QUESTION} yes Assistant :"
    with torch.inference_mode():
        inputs = processor(text=text, images=seen.load(), return_tensors="pt")
        written = model.generate(**inputs, max_new_tokens=4, do_sample=False)
    new = written[0][inputs["input_ids"].shape[1] :]
    expected = processor.tokenizer.decode(new, skip_special_tokens=True)
    assert result.value == short_answer(expected)


@pytest.mark.parametrize(("name", "tool"), [("smolvlm", "vqa"), ("trocr", "ocr")])
def test_penalties_of_a_checkpoint_are_not_applied(
    name: str, tool: str, checkpoint, pictures, tmp_path
) -> None:
    config = shutil.copytree(checkpoint(name), tmp_path / "strict") / "generation_config.json"
    said = json.loads(config.read_text())
    config.write_text(json.dumps({**said, "repetition_penalty": 9.0, "no_repeat_ngram_size": 1}))
    more = {"question": QUESTION} if tool == "vqa" else {}
    calls = [Call(tool, {"image": pictures[p].region, **more}) for p in pictures]
    kind = settings_class(tool, "test")
    plain, strict = (
        open_backend(tool, kind(model=str(folder), max_new_tokens=8), "test")
        for folder in (checkpoint(name), config.parent)
    )
    assert strict.answer(calls, pictures) == plain.answer(calls, pictures)
    # Results from before, with penalties, are not taken for these.
    assert "decoding=plain" in strict.fingerprint
    assert "decoding" not in plain.fingerprint


def test_rows_of_a_few_batches_are_prepared_at_a_time(
    checkpoint, pictures, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls = [
        Call("vqa", {"image": pictures[p].region, "question": q})
        for q in (QUESTION, "red", "what is this", "is it")
        for p in pictures
    ]
    in_batches, prepared = Vqa.in_batches, []

    def counted(backend: Any, rows: Any, *args: Any, **more: Any) -> Any:
        prepared.append(len(rows))
        return in_batches(backend, rows, *args, **more)

    def said(batch_size: int) -> Any:
        settings = VqaSettings(model=str(checkpoint("smolvlm")), batch_size=batch_size)
        return Vqa(settings, "test").answer(calls, pictures)

    whole = said(len(calls))
    monkeypatch.setattr(Vqa, "in_batches", counted)
    parts = said(2)
    assert sum(prepared) == len(calls)
    assert max(prepared) <= WINDOW * 2 < len(calls)
    for one, two in zip(parts, whole, strict=True):
        assert one.value == two.value
        assert one.info["score"] == pytest.approx(two.info["score"], abs=1e-5)


def test_a_pair_of_encoder_and_decoder_needs_no_common_processor(
    checkpoint, pictures, tmp_path
) -> None:
    folder = shutil.copytree(checkpoint("trocr"), tmp_path / "vit-gpt2")
    whole = json.loads((folder / "processor_config.json").read_text())
    (folder / "processor_config.json").unlink()
    images = {k: v for k, v in whole["image_processor"].items() if k != "image_processor_type"}
    images["feature_extractor_type"] = "ViTFeatureExtractor"
    (folder / "preprocessor_config.json").write_text(json.dumps(images))
    words = json.loads((folder / "tokenizer_config.json").read_text())
    words.pop("processor_class", None)
    (folder / "tokenizer_config.json").write_text(json.dumps(words))
    calls = [Call("caption", {"image": pictures[p].region}) for p in pictures]

    def said(model: Any) -> Any:
        settings = settings_class("caption", "test")(model=str(model), max_new_tokens=8)
        return open_backend("caption", settings, "test").answer(calls, pictures)

    assert said(folder) == said(checkpoint("trocr"))
    for files in (("preprocessor_config.json",), ("tokenizer_config.json", "tokenizer.json")):
        for file in files:
            (folder / file).rename(tmp_path / file)
        with pytest.raises(InputError, match=f"has no {files[0]}"):
            said(folder)
        for file in files:
            (tmp_path / file).rename(folder / file)


def test_a_question_cannot_smuggle_a_picture_in(checkpoint, pictures) -> None:
    whole = pictures["p0"].region
    sane, odd = vqa(
        checkpoint("llava"), pictures, (whole, "what is   this"), (whole, "what is <image> this")
    )
    assert isinstance(odd, Result)
    assert odd.value == sane.value


def test_more_of_a_distribution_does_not_change_the_answer(checkpoint, pictures) -> None:
    asked = (pictures["p0"].region, QUESTION)
    [one] = vqa(checkpoint("vilt"), pictures, asked, answers_kept=1)
    [five] = vqa(checkpoint("vilt"), pictures, asked)
    assert one.value == five.value
    assert (len(one.info["distribution"]), len(five.info["distribution"])) == (1, 5)


def test_text_after_the_end_does_not_count() -> None:
    torch = pytest.importorskip("torch", reason="needs torch: pip install 'vprog[hf]'")

    class Words:
        def batch_decode(self, ids: Any, skip_special_tokens: bool) -> list[str]:
            return [" ".join(str(int(n)) for n in row if n != 0) for row in ids]

    class Out:
        sequences = torch.tensor([[7, 1, 2, 0, 3], [7, 1, 2, 2, 0]])
        logits = tuple(
            torch.log(torch.tensor([[0.1, 0.5, 0.25, 0.15], [0.1, 0.5, 0.25, 0.15]]))
            for _ in range(4)
        )

    (first, first_score), (second, second_score) = read_generated(Out(), Words(), {0})
    assert (first, second) == ("1 2", "1 2 2")
    assert first_score == pytest.approx(0.5 * 0.25 * 0.1, abs=1e-4)
    assert second_score == pytest.approx(0.5 * 0.25 * 0.25 * 0.1, abs=1e-4)


@pytest.mark.parametrize(
    ("text", "answer"), [("Red.\nIt is red.", "red"), ("  \n", ""), ("a DOG ", "a dog"), ("2", "2")]
)
def test_short_answers(text: str, answer: str) -> None:
    assert short_answer(text) == answer


def test_siglip_believes_its_sigmoid(checkpoint, pictures) -> None:
    import torch

    options = ["red cup", "dog", "a blue cat"]
    found = match(checkpoint("siglip"), pictures, options, prompt="a photo of {}")
    model, processor = plain(checkpoint("siglip"), "AutoModelForZeroShotImageClassification")
    inputs = processor(
        text=[f"a photo of {o}" for o in options],
        images=pictures["p3"].load(),
        return_tensors="pt",
        padding="max_length",
        max_length=16,
        truncation=True,
    )
    inputs.pop("attention_mask", None)
    with torch.inference_mode():
        logits = model(**inputs).logits_per_image[0]
    assert agree(found, logits.sigmoid().tolist(), 1e-3)


def test_clip_compares_with_contrasts(checkpoint, pictures) -> None:
    import torch

    model, processor = plain(checkpoint("clip"), "AutoModelForZeroShotImageClassification")
    said = ["red cup", "cup", "an object", "something else"]
    inputs = processor(
        text=[f"a photo of {s}" for s in said],
        images=pictures["p3"].load(),
        return_tensors="pt",
        padding=True,
    )
    with torch.inference_mode():
        logits = model(**inputs).logits_per_image[0].double()
    contrasts = ("an object", "something else")
    [belief] = match(checkpoint("clip"), pictures, ["red cup"], contrasts=contrasts)
    assert belief == pytest.approx(float(logits.softmax(0)[0]), abs=1e-4)
    [bare] = match(checkpoint("clip"), pictures, ["red cup"], contrasts=contrasts, bare_noun=False)
    assert bare == pytest.approx(float(logits[[0, 2, 3]].softmax(0)[0]), abs=1e-4)
    [more] = match(checkpoint("clip"), pictures, ["red cup"], contrasts=contrasts, bias=3.0)
    odds = math.log(belief / (1 - belief))
    assert math.log(more / (1 - more)) == pytest.approx(odds + 3, abs=1e-3)


def test_siglip_reads_lower_case(checkpoint, pictures) -> None:
    folder = checkpoint("siglip")
    assert match(folder, pictures, ["RED Cup"]) == match(folder, pictures, ["red cup"])
    prints = [
        Match(MatchSettings(model=str(checkpoint(name))), "test").fingerprint
        for name in ("siglip", "clip")
    ]
    assert ["lower_case=True" in text for text in prints] == [True, False]


def test_siglips_own_tokenizer_can_be_read(checkpoint, pictures, tmp_path) -> None:
    import sentencepiece

    folder = shutil.copytree(checkpoint("siglip"), tmp_path / "own")
    (folder / "tokenizer.json").unlink()
    with (folder / "spiece.model").open("wb") as file:
        sentencepiece.SentencePieceTrainer.train(
            sentence_iterator=iter(["this is a photo of a red cup", "a dog and a blue cat"]),
            model_writer=file, model_type="char", hard_vocab_limit=False,
            pad_id=0, eos_id=1, unk_id=2, bos_id=-1, minloglevel=2,
        )  # fmt: skip
    said = {"tokenizer_class": "SiglipTokenizer", "model_max_length": 16}
    (folder / "tokenizer_config.json").write_text(json.dumps(said))
    red, dog = match(folder, pictures, ["a red cup", "a dog"], prompt="{}")
    assert red != dog


def test_beliefs_do_not_depend_on_other_options(checkpoint, pictures) -> None:
    for name in ("clip", "siglip"):
        alone = match(checkpoint(name), pictures, ["red cup"])
        among = match(checkpoint(name), pictures, ["dog", "red cup", "cat"])
        assert among[1] == pytest.approx(alone[0], abs=1e-5)
        assert all(0 <= belief <= 1 for belief in among)


def test_depth_is_the_median_of_the_part(checkpoint, pictures) -> None:
    import numpy as np
    import torch

    folder, seen = checkpoint("depth_anything"), pictures["p0"]
    model, images = plain(folder, "AutoModelForDepthEstimation")
    with torch.inference_mode():
        out = model(**images(images=seen.load(), return_tensors="pt"))
    raw = images.post_process_depth_estimation(out, target_sizes=[(30, 40)])[0]["predicted_depth"]
    raw = raw.numpy()
    part = seen.region._replace(left=4, top=5, right=20, bottom=25)
    call = Call("depth", {"image": part})
    [inverse] = Depth(DepthSettings(model=str(folder)), "test").answer([call], pictures)
    nearness = (raw.max() - raw) / (raw.max() - raw.min())
    assert inverse.value == pytest.approx(float(np.median(nearness[5:25, 4:20])), abs=1e-4)
    metres = DepthSettings(model=str(folder), output="distance")
    [distance] = Depth(metres, "test").answer([call], pictures)
    assert distance.value == pytest.approx(float(np.median(raw[5:25, 4:20])), abs=1e-4)
