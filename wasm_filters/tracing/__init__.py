"""Tracing: what crosses the border between host and filter, decoded while it happens.

``trace`` (a listener that keeps events) → ``event`` (one call, as data) → ``text`` (``==>`` and
``<==`` lines). ``decode`` and ``callbacks`` give arguments and answers their names, ``changes``
tells what a callback has changed. docs/TRACES.md describes both forms.
"""
