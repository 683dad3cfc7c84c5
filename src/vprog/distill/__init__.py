"""Distilling verified programs into one vision-language model (VPD, arXiv 2312.03052)."""
