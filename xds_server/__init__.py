"""A control plane: typed resources in, the xDS protocol out.

Floor 1 of the house. The way through it::

    Resource ─ Snapshot ─ Cache ─ session (SotW or Delta, no I/O) ─ wire ─ server (the door)

Sessions and the subscription book are plain objects: requests and snapshots in, responses out.
``server.py`` is the only module that opens a port; ``mirror.py`` the only one that knows
protobuf's C core; ``protos.py`` the only one that imports Envoy's messages.
"""
