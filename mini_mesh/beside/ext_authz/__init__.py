"""External authorization: Envoy's ``Authorization`` service, in a process of its own.

``authorizer`` answers bytes with bytes, ``asked`` and ``answers`` are its messages, ``functions``
loads what people wrote themselves, ``server`` is the door, ``service`` what the mesh knows of it.
"""
