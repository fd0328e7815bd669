"""One machine's mesh: real Envoys, the workloads behind them, and the traffic that proves it.

Floor 3 of the house, and the room with the doors: processes, ports, sockets and files. What a mesh
should be comes from ``mesh_patterns``; how Envoy learns of it is ``xds_server``'s work. ``plan``
says what has to run and where, ``mesh`` keeps it running; ``processes``, ``control`` (the control
plane), ``certificates``, ``echo`` (the built-in workload) and ``proving`` (claims) are its rooms.
``filter_rig`` is a mesh of one Envoy, to test filters in, and ``differ`` compares it with our host.
"""
