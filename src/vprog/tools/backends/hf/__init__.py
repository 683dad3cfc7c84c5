"""Hugging Face models behind the tools: one file a tool.

A model is a hub id, a local folder or a zoo name (``zoo:detect``); all three are the same thing to
the code below. Models and processors load through Auto classes. torch and transformers are imported
when a backend is made or used, never at import; torchvision is not needed.

============ ================================================ =====================================
tool         Auto class                                       tested classes
============ ================================================ =====================================
``detect``   AutoModelForZeroShotObjectDetection              OWL-ViT, OWLv2, Grounding DINO
``vqa``      AutoModelForVisualQuestionAnswering,             ViLT, BLIP, Idefics3 (SmolVLM),
             AutoModelForImageTextToText                      PaliGemma, Llava, Qwen2.5-VL
``match``    AutoModelForZeroShotImageClassification          CLIP, SigLIP
``segment``  AutoModelForUniversalSegmentation                MaskFormer, Mask2Former
``depth``    AutoModelForDepthEstimation                      Depth Anything, DPT
``ocr``      AutoModelForImageTextToText                      Llava, TrOCR
``caption``  AutoModelForImageTextToText                      Idefics3, BLIP
``inpaint``  diffusers' AutoPipelineForInpainting             Stable Diffusion
============ ================================================ =====================================
"""
