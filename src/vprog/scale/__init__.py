"""The same runs on many machines, and what they will cost."""
