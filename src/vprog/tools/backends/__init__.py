"""Backends: what answers for tools."""
