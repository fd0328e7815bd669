"""Recordings: all that came to filters from outside, and all that they did, to be run again.

::

    recorder ─ session ─┐                       ┌─ session ─ again ─ replay ─ compare
                        └─ recording ─ file ────┘
                             (lines)  (masks)

What a filter can see of the world comes from a worker whose clock stands still and whose random
numbers repeat, so a recording need not hold every reading: the time at the start, the seed, and
what was done in which order are enough. docs/TRACES.md describes the file.
"""
