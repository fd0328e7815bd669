"""``meshloom debug wasm``: what there is to step through, and the two ways to do it by hand.

``source`` makes a recording of a request, a captured exchange or a file. ``prompt`` is a debugger's
prompt; ``app`` and ``screen`` are the door to textual, imported only where they are shown.
"""
