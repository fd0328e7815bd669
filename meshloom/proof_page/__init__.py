"""``prove --html``: one page that says what was proven, with nothing around it.

No script, nothing that is fetched: the page's own policy forbids both. Whatever comes from files
and from the mesh is text, and is escaped where it is put in (``text``).
"""
