"""Holds, explains and replays requests, steps through filters, and says what is wrong with a mesh.

A room for each; what they look at comes from the floors below. ``docs/DEBUGGER.md`` shows the use.
"""
