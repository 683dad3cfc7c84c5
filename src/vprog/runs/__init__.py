"""Runs: a benchmark over a toolbox, its folder, its scores."""
