"""Who asks whom in a mesh, how often and how long it takes: from its Envoys' own counters."""
