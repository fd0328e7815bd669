"""The pattern language: what a mesh should do, and how one knows that it does.

Floor 2 of the house. The way through it::

    file ─ mesh_yaml ─ model (checked) ─ kinds (one module per pattern) ─ compile ─ resources

``importers/`` turn other people's files into the same model. No I/O but reading files.
"""
