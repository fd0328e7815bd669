"""Captures: every request that crosses the mesh, as one ``Exchange`` each.

Floor 2 of the house. The way through it::

    admin tap (a door) ─ decode ─ assemble ─┐
                                            ├ join ─ redact ─ hub ─ viewers ─ server ═ client
    access log (a door) ────────────────────┘                  └ keeper ─ store

The hub owns the one admin tap that an Envoy grants. Nothing reaches a viewer or the store before it
is redacted. ``audit`` finds what the Envoys counted and never came; ``tree`` and ``top`` tell of
many exchanges at once.
``store`` keeps captures on disk and is asked with the same expressions (``match``); ``export``
writes them for other tools. ``flows`` (the door to mitmproxy) and ``har`` read other people's.
``content`` decodes bodies for who looks at them.
What the addresses in a capture mean is told by whoever builds the mesh (``topology``).
"""
