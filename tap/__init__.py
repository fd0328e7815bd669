"""Captures: every request that crosses the mesh, as one ``Exchange`` each.

Floor 2 of the house. The way through it::

    source (a door) ─ decode ─ assemble ─ redact ─ hub ─ viewers

The hub owns the one admin tap that an Envoy grants. Nothing reaches a viewer before it is redacted.
"""
