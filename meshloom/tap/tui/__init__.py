"""``meshloom tap --tui``: the requests of a mesh as an application in the terminal.

Plain classes know what there is (``session``, ``listing``, ``memory``) and what is said of it
(``columns``, ``details``, ``bars``, ``bodies``, ``words``); ``table``, ``screens`` and ``app`` are
the door to textual, slow to import, so only ``app.show`` is imported, where it is called.
"""
