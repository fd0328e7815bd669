"""What hostcalls act on: the host's side of a VM, its contexts, and what those hold.

``host`` (one VM's side) → ``context`` (whose callback runs) → ``header_map`` and ``buffer``;
``metrics`` and ``shared`` outlive requests.
"""
