"""Teaching: steps of programs, teachers that answer them, and tools that learn from the answers."""
