"""External authorization: what somebody who is asked about each request decides. No I/O.

``rules`` are what a policy says, ``decision`` what comes of it for a request, ``spec`` is how it is
written. Who answers Envoys with it is ``mini_mesh.beside.ext_authz``.
"""
