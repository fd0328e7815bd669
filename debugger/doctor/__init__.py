"""What is wrong with a mesh: evidence, the pattern line, and what to do about it."""
