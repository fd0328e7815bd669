"""Fuzzing: requests, answers and configurations that a filter does not survive.

::

    lexicon ─ strategies ─ draft ─ attempt ─ finding        one case
       ▲                              │
       └────────── ears ◀─────────────┘
    hunt (hypothesis: many cases, and the shortest that fails) ─ testfile

What a filter asks for while it runs (header names, keys, clusters) and the strings in its module
and configuration are what the next cases are made of.
"""
