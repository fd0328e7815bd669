"""TCP: the bytes of a connection through a chain of network filters."""
