"""A table of requests and where each should go, judged without an Envoy.

file ─ spec ─ check ─┐
                     ├ verdict ─ report, coverage
patterns ─ entries ──┘
"""
