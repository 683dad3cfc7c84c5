"""Teachers: whatever answers a step better than the tool that is to learn it."""
