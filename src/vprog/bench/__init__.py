"""Measures vprog on this machine: the engine alone, and learned tools under it."""
