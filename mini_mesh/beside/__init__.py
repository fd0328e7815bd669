"""The services beside the Envoys that their filters ask.

``host`` runs those that a mesh's patterns want, each at a Unix socket in the mesh's folder;
``services`` is the table of them.
"""
