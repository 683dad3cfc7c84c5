"""Evaluation: a benchmark over a toolbox, and what the runs scored."""
