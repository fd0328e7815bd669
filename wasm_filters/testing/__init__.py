"""Tests of filters: files of expectations, run in milliseconds; and the pytest plugin.

The way through it::

    file ─ language/ (models, each value with its place) ─ load ─ cases ─ runner ─ report
                                                                           │
                                              services (who answers) ─ checks ─ findings
                                                                           │
                                                       calls ─ coverage · trace

docs/TESTING_FILTERS.md tells the language by examples. ``pytest_plugin.py`` is loaded in every run
of pytest on a machine that has meshloom, so it imports nothing of this before somebody asks.
"""
