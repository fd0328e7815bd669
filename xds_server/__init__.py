"""A control plane: typed resources in, the xDS protocol out.

Floor 1 of the house. The way through it::

    Resource ─ Snapshot ─ Cache ─ session (SotW or Delta, no I/O) ─ wire ─ server (the door)
       │           └ references: what must be there before anything is sent
       └ mirror: typed messages ↔ bytes (fields, fill, show, knots)

Sessions and the subscription book are plain objects: requests and snapshots in, responses and
events out. A NACK is read by ``nack.py`` and ``blame.py``; ``status.py`` knows where each node
stands. ``server.py`` is the only module that opens a port; ``mirror.py`` the only one that knows
protobuf's C core; ``protos.py`` the only one that imports Envoy's messages.
"""
