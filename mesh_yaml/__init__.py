"""YAML that people write, and what is wrong with it said at its line and column.

Floor 0 of the house: pattern files and filter tests are both read here. The way through it::

    file ─ yaml (libyaml, else ruamel) ─ tree of nodes, each with its place ─ build ─ pydantic model

Knows the shape of a file and of single values, and nothing of what they mean.
"""
