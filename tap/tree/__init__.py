"""One request's way through the mesh: what belongs to what. No I/O."""
