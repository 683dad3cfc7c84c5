"""Tiny checkpoints of real classes, made from configs with random weights and saved in folders."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

WORDS = re.findall(
    r"\S+",
    """a an the of photo picture this is in what color how many cup dog cat red blue green object
    something else background answer en with one word or short phrase left right yes no two three
    User Assistant describe read text : ? . , end user model""",
)
SPECIAL = ("[PAD]", "[UNK]", "[BOS]", "[EOS]", "[CLS]", "[SEP]", "[MASK]")
CHAT = (
    "{% for message in messages %}User : {% for part in message['content'] %}"
    "{% if part['type'] == 'image' %}IMAGE{% else %}{{ part['text'] }}{% endif %}{% endfor %}"
    "{% endfor %}{% if add_generation_prompt %} Assistant :{% endif %}"
)
TEXT = {"hidden_size": 32, "num_hidden_layers": 1, "num_attention_heads": 2}
VISION = {**TEXT, "intermediate_size": 32, "patch_size": 8}
SIDE = 32


def tokenizer(*extra: str, bert: bool = False) -> Any:
    """A word-level tokenizer; ``extra`` are special tokens of a class."""
    from tokenizers import Tokenizer, models, pre_tokenizers, processors
    from transformers import PreTrainedTokenizerFast

    begin, end = ("[CLS]", "[SEP]") if bert else ("[BOS]", "[EOS]")
    names = [n for n in SPECIAL if n not in (begin, end)]
    # CLIP's text model pools at the highest id.
    words = list(dict.fromkeys([*names[:2], begin, *names[2:], *WORDS, *extra, end]))
    ids = {word: n for n, word in enumerate(words)}
    made = Tokenizer(models.WordLevel(ids, unk_token="[UNK]"))
    made.pre_tokenizer = pre_tokenizers.Whitespace()
    made.post_processor = processors.TemplateProcessing(
        single=f"{begin} $A {end}" if bert or not extra else f"{begin} $A",
        pair=f"{begin} $A {end} $B {end}",
        special_tokens=[(begin, ids[begin]), (end, ids[end])],
    )
    return PreTrainedTokenizerFast(
        tokenizer_object=made,
        pad_token="[PAD]",
        unk_token="[UNK]",
        bos_token=begin,
        eos_token=end,
        sep_token=end,
        cls_token=begin,
        model_max_length=64,
        extra_special_tokens=list(extra),
        model_input_names=["input_ids", "attention_mask"],
    )


def _save(folder: Path, model: Any, processor: Any) -> None:
    """Saves with weights large enough that different inputs have different answers."""
    import torch

    with torch.no_grad():
        for name, weight in model.named_parameters():
            if weight.dim() > 1 and hasattr(model, "box_head"):
                weight.mul_(0.1 if name.startswith(("box_head", "class_head")) else 1)
            elif weight.dim() > 1:
                weight.mul_(4)
    model.save_pretrained(folder)
    processor.save_pretrained(folder)


def _square(side: int = SIDE) -> dict[str, int]:
    return {"height": side, "width": side}


def owlvit(folder: Path) -> None:
    from transformers import OwlViTConfig, OwlViTForObjectDetection, OwlViTProcessor
    from transformers.models.owlvit.image_processing_pil_owlvit import OwlViTImageProcessorPil

    words = tokenizer()
    config = OwlViTConfig(
        text_config={
            **TEXT,
            "intermediate_size": 32,
            "vocab_size": len(words),
            "max_position_embeddings": 12,
        },
        vision_config={**VISION, "image_size": SIDE},
        projection_dim=32,
    )
    images = OwlViTImageProcessorPil(size=_square())
    _save(folder, OwlViTForObjectDetection(config), OwlViTProcessor(images, words))


def owlv2(folder: Path) -> None:
    from transformers import Owlv2Config, Owlv2ForObjectDetection, Owlv2Processor
    from transformers.models.owlv2.image_processing_pil_owlv2 import Owlv2ImageProcessorPil

    words = tokenizer()
    config = Owlv2Config(
        text_config={
            **TEXT,
            "intermediate_size": 32,
            "vocab_size": len(words),
            "max_position_embeddings": 12,
        },
        vision_config={**VISION, "image_size": SIDE},
        projection_dim=32,
    )
    images = Owlv2ImageProcessorPil(size=_square())
    _save(folder, Owlv2ForObjectDetection(config), Owlv2Processor(images, words))


def grounding_dino(folder: Path) -> None:
    from transformers import (
        BertConfig,
        GroundingDinoConfig,
        GroundingDinoForObjectDetection,
        GroundingDinoProcessor,
        SwinConfig,
    )
    from transformers.models.grounding_dino.image_processing_pil_grounding_dino import (
        GroundingDinoImageProcessorPil,
    )

    # The class looks for BERT's ids of [CLS], [SEP], "." and "?".
    fill = [f"unused{n}" for n in range(1100)]
    words = tokenizer(bert=True)
    ids = words.get_vocab()
    order = {101: "[CLS]", 102: "[SEP]", 1012: ".", 1029: "?"}
    free = iter([*[w for w in ids if w not in order.values()], *fill])
    vocabulary = [order[n] if n in order else next(free) for n in range(1100)]
    words = _relabelled(vocabulary)
    config = GroundingDinoConfig(
        backbone_config=SwinConfig(
            image_size=SIDE,
            embed_dim=8,
            depths=[1, 1, 1, 1],
            num_heads=[1, 1, 1, 1],
            window_size=2,
            out_features=["stage2", "stage3", "stage4"],
        ),
        text_config=BertConfig(**TEXT, intermediate_size=32, vocab_size=len(words)),
        d_model=32,
        encoder_layers=1,
        decoder_layers=2,
        encoder_ffn_dim=32,
        decoder_ffn_dim=32,
        encoder_attention_heads=2,
        decoder_attention_heads=2,
        num_queries=10,
        max_text_len=16,
        fusion_droppath=0.0,
    )
    images = GroundingDinoImageProcessorPil(size={"shortest_edge": 128, "longest_edge": 192})
    _save(folder, GroundingDinoForObjectDetection(config), GroundingDinoProcessor(images, words))


def _relabelled(vocabulary: list[str]) -> Any:
    from tokenizers import Tokenizer, models, pre_tokenizers, processors
    from transformers import PreTrainedTokenizerFast

    ids = {word: n for n, word in enumerate(vocabulary)}
    made = Tokenizer(models.WordLevel(ids, unk_token="[UNK]"))
    made.pre_tokenizer = pre_tokenizers.Whitespace()
    made.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]", special_tokens=[("[CLS]", 101), ("[SEP]", 102)]
    )
    return PreTrainedTokenizerFast(
        tokenizer_object=made, pad_token="[PAD]", unk_token="[UNK]", model_max_length=16
    )


def vilt(folder: Path) -> None:
    from transformers import ViltConfig, ViltForQuestionAnswering, ViltProcessor
    from transformers.models.vilt.image_processing_pil_vilt import ViltImageProcessorPil

    words = tokenizer(bert=True)
    answers = ["yes", "no", "red", "blue", "2"]
    config = ViltConfig(
        **VISION,
        image_size=SIDE,
        vocab_size=len(words),
        max_position_embeddings=16,
        max_image_length=-1,
        id2label=dict(enumerate(answers)),
        label2id={a: n for n, a in enumerate(answers)},
    )
    images = ViltImageProcessorPil(size={"shortest_edge": SIDE}, size_divisor=8)
    _save(folder, ViltForQuestionAnswering(config), ViltProcessor(images, words))


def _blip(folder: Path, name: str) -> None:
    import transformers
    from transformers.models.blip.image_processing_pil_blip import BlipImageProcessorPil

    words = tokenizer(bert=True)
    ids = {
        "bos_token_id": words.cls_token_id,
        "pad_token_id": words.pad_token_id,
        "sep_token_id": words.sep_token_id,
        "eos_token_id": words.sep_token_id,
    }
    config = transformers.BlipConfig(
        text_config={
            **TEXT,
            "intermediate_size": 32,
            "encoder_hidden_size": 32,
            "projection_dim": 32,
            "vocab_size": len(words),
            "max_position_embeddings": 24,
            **ids,
        },
        # The standard range, 1e-10, would make every picture look the same.
        vision_config={**VISION, "image_size": SIDE, "initializer_range": 0.05},
        projection_dim=32,
        image_text_hidden_size=32,
    )
    model = getattr(transformers, name)(config)
    images = BlipImageProcessorPil(size=_square())
    _save(folder, model, transformers.BlipProcessor(images, words))


def blip(folder: Path) -> None:
    _blip(folder, "BlipForQuestionAnswering")


def blip_caption(folder: Path) -> None:
    _blip(folder, "BlipForConditionalGeneration")


def clip(folder: Path) -> None:
    from transformers import CLIPConfig, CLIPModel, CLIPProcessor
    from transformers.models.clip.image_processing_pil_clip import CLIPImageProcessorPil

    words = tokenizer()
    config = CLIPConfig(
        text_config={
            **TEXT,
            "intermediate_size": 32,
            "vocab_size": len(words),
            "max_position_embeddings": 16,
            "eos_token_id": words.eos_token_id,
        },
        vision_config={**VISION, "image_size": SIDE},
        projection_dim=32,
    )
    images = CLIPImageProcessorPil(size={"shortest_edge": SIDE}, crop_size=_square())
    _save(folder, CLIPModel(config), CLIPProcessor(images, words))


def siglip(folder: Path) -> None:
    from transformers import SiglipConfig, SiglipModel, SiglipProcessor
    from transformers.models.siglip.image_processing_pil_siglip import SiglipImageProcessorPil

    words = tokenizer()
    config = SiglipConfig(
        text_config={
            **TEXT,
            "intermediate_size": 32,
            "vocab_size": len(words),
            "max_position_embeddings": 16,
        },
        vision_config={**VISION, "image_size": SIDE},
    )
    images = SiglipImageProcessorPil(size=_square())
    _save(folder, SiglipModel(config), SiglipProcessor(images, words))


def _llama(words: Any, **more: Any) -> dict[str, Any]:
    return {
        **TEXT,
        "num_key_value_heads": 2,
        "intermediate_size": 32,
        "vocab_size": len(words),
        "max_position_embeddings": 512,
        "pad_token_id": words.pad_token_id,
        "bos_token_id": words.bos_token_id,
        "eos_token_id": words.eos_token_id,
        **more,
    }


def _idefics3(folder: Path, name: str) -> None:
    import transformers
    from transformers.models.idefics3.image_processing_pil_idefics3 import (
        Idefics3ImageProcessorPil,
    )

    marks = ("<image>", "<fake_token_around_image>", "<global-img>", "<end_of_utterance>")
    words = tokenizer(*marks)
    config = getattr(transformers, f"{name}Config")(
        image_token_id=words.convert_tokens_to_ids("<image>"),
        text_config={"model_type": "llama", **_llama(words)},
        vision_config={**VISION, "image_size": SIDE},
        scale_factor=2,
        pad_token_id=words.pad_token_id,
    )
    model = getattr(transformers, f"{name}ForConditionalGeneration")(config)
    images = Idefics3ImageProcessorPil(
        size={"longest_edge": SIDE}, max_image_size={"longest_edge": SIDE}, do_image_splitting=False
    )
    chat = CHAT.replace("IMAGE", "<image>")
    processor = transformers.Idefics3Processor(images, words, image_seq_len=4, chat_template=chat)
    _save(folder, model, processor)
    if name == "SmolVLM":  # as on the hub, where its own processor class is named
        path = folder / "processor_config.json"
        said = json.loads(path.read_text())
        path.write_text(json.dumps({**said, "processor_class": "SmolVLMProcessor"}))


def idefics3(folder: Path) -> None:
    _idefics3(folder, "Idefics3")


def smolvlm(folder: Path) -> None:
    _idefics3(folder, "SmolVLM")


def paligemma(folder: Path) -> None:
    from transformers import (
        PaliGemmaConfig,
        PaliGemmaForConditionalGeneration,
        PaliGemmaProcessor,
    )
    from transformers.models.siglip.image_processing_pil_siglip import SiglipImageProcessorPil

    words = tokenizer("<image>")
    images = SiglipImageProcessorPil(size=_square())
    images.image_seq_length = (SIDE // 8) ** 2
    processor = PaliGemmaProcessor(images, words)
    config = PaliGemmaConfig(
        image_token_index=words.convert_tokens_to_ids("<image>"),
        text_config={"model_type": "gemma", **_llama(words), "head_dim": 16},
        vision_config={
            "model_type": "siglip_vision_model",
            **VISION,
            "image_size": SIDE,
            "projection_dim": 32,
        },
        projection_dim=32,
    )
    _save(folder, PaliGemmaForConditionalGeneration(config), processor)


def llava(folder: Path) -> None:
    from transformers import LlavaConfig, LlavaForConditionalGeneration, LlavaProcessor
    from transformers.models.clip.image_processing_pil_clip import CLIPImageProcessorPil

    words = tokenizer("<image>")
    config = LlavaConfig(
        vision_config={"model_type": "clip_vision_model", **VISION, "image_size": SIDE},
        text_config={"model_type": "llama", **_llama(words)},
        image_token_index=words.convert_tokens_to_ids("<image>"),
        image_seq_length=(SIDE // 8) ** 2,
        vision_feature_layer=-1,
    )
    images = CLIPImageProcessorPil(size={"shortest_edge": SIDE}, crop_size=_square())
    processor = LlavaProcessor(
        images,
        words,
        patch_size=8,
        vision_feature_select_strategy="default",
        num_additional_image_tokens=1,
        chat_template=CHAT.replace("IMAGE", "<image>"),
    )
    _save(folder, LlavaForConditionalGeneration(config), processor)


def qwen2_5_vl(folder: Path) -> None:
    from transformers import Qwen2_5_VLConfig, Qwen2_5_VLForConditionalGeneration
    from transformers.models.qwen2_vl.image_processing_pil_qwen2_vl import (
        Qwen2VLImageProcessorPil,
    )

    marks = ("<|image_pad|>", "<|video_pad|>", "<|vision_start|>", "<|vision_end|>")
    words = tokenizer(*marks)
    token = {name: words.convert_tokens_to_ids(name) for name in marks}
    config = Qwen2_5_VLConfig(
        text_config={
            **_llama(words),
            "rope_parameters": {"rope_type": "default", "mrope_section": [2, 3, 3]},
        },
        vision_config={
            "depth": 1,
            "hidden_size": 32,
            "intermediate_size": 32,
            "num_heads": 2,
            "patch_size": 8,
            "out_hidden_size": 32,
            "fullatt_block_indexes": [0],
            "window_size": 32,
        },
        image_token_id=token["<|image_pad|>"],
        video_token_id=token["<|video_pad|>"],
        vision_start_token_id=token["<|vision_start|>"],
        vision_end_token_id=token["<|vision_end|>"],
    )
    Qwen2_5_VLForConditionalGeneration(config).save_pretrained(folder)
    Qwen2VLImageProcessorPil(
        patch_size=8, size={"shortest_edge": 16 * 16, "longest_edge": 48 * 48}
    ).save_pretrained(folder)
    mark = "<|vision_start|><|image_pad|><|vision_end|>"
    words.chat_template = CHAT.replace("IMAGE", mark)
    words.save_pretrained(folder)


def maskformer(folder: Path) -> None:
    from transformers import MaskFormerConfig, MaskFormerForInstanceSegmentation, SwinConfig
    from transformers.models.detr.configuration_detr import DetrConfig
    from transformers.models.maskformer.image_processing_pil_maskformer import (
        MaskFormerImageProcessorPil,
    )

    names = ["cup", "dog", "grass"]
    config = MaskFormerConfig(
        backbone_config=SwinConfig(
            image_size=SIDE,
            embed_dim=8,
            depths=[1, 1, 1, 1],
            num_heads=[1, 1, 1, 1],
            window_size=2,
            out_features=["stage1", "stage2", "stage3", "stage4"],
        ),
        decoder_config=DetrConfig(
            d_model=32,
            encoder_layers=1,
            decoder_layers=1,
            encoder_ffn_dim=32,
            decoder_ffn_dim=32,
            encoder_attention_heads=2,
            decoder_attention_heads=2,
            num_queries=6,
        ),
        fpn_feature_size=32,
        mask_feature_size=32,
        id2label=dict(enumerate(names)),
        label2id={n: i for i, n in enumerate(names)},
    )
    model = MaskFormerForInstanceSegmentation(config)
    model.class_predictor.bias.data[-1] = -10  # else random weights see nothing
    images = MaskFormerImageProcessorPil(
        size={"shortest_edge": 96, "longest_edge": 160}, size_divisor=SIDE
    )
    _save(folder, model, images)


def mask2former(folder: Path) -> None:
    from transformers import Mask2FormerConfig, Mask2FormerForUniversalSegmentation, SwinConfig
    from transformers.models.mask2former.image_processing_pil_mask2former import (
        Mask2FormerImageProcessorPil,
    )

    names = ["cup", "dog", "grass"]
    config = Mask2FormerConfig(
        backbone_config=SwinConfig(
            image_size=SIDE,
            embed_dim=8,
            depths=[1, 1, 1, 1],
            num_heads=[1, 1, 1, 1],
            window_size=2,
            out_features=["stage1", "stage2", "stage3", "stage4"],
        ),
        feature_size=32,
        mask_feature_size=32,
        hidden_dim=32,
        encoder_feedforward_dim=32,
        encoder_layers=1,
        decoder_layers=2,
        num_attention_heads=2,
        dim_feedforward=32,
        num_queries=6,
        id2label=dict(enumerate(names)),
        label2id={n: i for i, n in enumerate(names)},
    )
    model = Mask2FormerForUniversalSegmentation(config)
    model.class_predictor.bias.data[-1] = -10  # else random weights see nothing
    images = Mask2FormerImageProcessorPil(
        size={"shortest_edge": 96, "longest_edge": 160}, size_divisor=SIDE
    )
    _save(folder, model, images)


def dpt(folder: Path) -> None:
    from transformers import DPTConfig, DPTForDepthEstimation
    from transformers.models.dpt.image_processing_pil_dpt import DPTImageProcessorPil

    config = DPTConfig(
        **{**VISION, "num_hidden_layers": 4},
        image_size=SIDE,
        is_hybrid=False,
        backbone_out_indices=[0, 1, 2, 3],
        neck_hidden_sizes=[8, 8, 16, 16],
        fusion_hidden_size=8,
    )
    _save(folder, DPTForDepthEstimation(config), DPTImageProcessorPil(size=_square()))


def depth_anything(folder: Path) -> None:
    from transformers import DepthAnythingConfig, DepthAnythingForDepthEstimation, Dinov2Config
    from transformers.models.dpt.image_processing_pil_dpt import DPTImageProcessorPil

    backbone = Dinov2Config(
        **{**TEXT, "num_hidden_layers": 4},
        image_size=SIDE,
        patch_size=8,
        out_features=["stage1", "stage2", "stage3", "stage4"],
        reshape_hidden_states=False,
    )
    config = DepthAnythingConfig(
        backbone_config=backbone,
        patch_size=8,
        reassemble_hidden_size=32,
        neck_hidden_sizes=[8, 8, 16, 16],
        fusion_hidden_size=8,
        head_hidden_size=8,
    )
    images = DPTImageProcessorPil(size=_square(), keep_aspect_ratio=True, ensure_multiple_of=8)
    _save(folder, DepthAnythingForDepthEstimation(config), images)


def trocr(folder: Path) -> None:
    import torch
    from transformers import (
        TrOCRConfig,
        TrOCRProcessor,
        VisionEncoderDecoderConfig,
        VisionEncoderDecoderModel,
        ViTConfig,
    )
    from transformers.models.vit.image_processing_pil_vit import ViTImageProcessorPil

    words = tokenizer(bert=True)
    config = VisionEncoderDecoderConfig.from_encoder_decoder_configs(
        ViTConfig(**VISION, image_size=SIDE),
        TrOCRConfig(
            d_model=32,
            decoder_layers=1,
            decoder_attention_heads=2,
            decoder_ffn_dim=32,
            vocab_size=len(words),
            max_position_embeddings=32,
            cross_attention_hidden_size=32,
        ),
    )
    config.decoder_start_token_id = words.cls_token_id
    config.pad_token_id = words.pad_token_id
    config.eos_token_id = words.sep_token_id
    model = VisionEncoderDecoderModel(config)
    with torch.no_grad():  # else random weights stop at once
        model.decoder.get_output_embeddings().weight[words.sep_token_id] = 0
    model.generation_config.decoder_start_token_id = words.cls_token_id
    model.generation_config.pad_token_id = words.pad_token_id
    model.generation_config.eos_token_id = words.sep_token_id
    _save(folder, model, TrOCRProcessor(ViTImageProcessorPil(size=_square()), words))


MAKERS: dict[str, Callable[[Path], None]] = {
    maker.__name__: maker
    for maker in (
        owlvit,
        owlv2,
        grounding_dino,
        vilt,
        blip,
        blip_caption,
        clip,
        siglip,
        idefics3,
        smolvlm,
        paligemma,
        llava,
        qwen2_5_vl,
        maskformer,
        mask2former,
        dpt,
        depth_anything,
        trocr,
    )
}


def make(name: str, folder: Path) -> Path:
    """Saves the checkpoint ``name`` below ``folder``; the same weights every time."""
    import torch

    torch.manual_seed(0)
    path = folder / name
    path.mkdir(parents=True)
    MAKERS[name](path)
    return path
