"""Proving: traffic goes out, and the claims of a pattern file are judged by what comes of it.

``traffic.py`` and ``counters.py`` are doors; ``judge.py`` and ``luck.py`` are plain arithmetic.
"""
