"""The services beside the Envoys that their filters ask: who counts, who decides, who takes notes.

A pattern that needs one says so (:meth:`~mesh_patterns.draft.Draft.ask`) and a filter that asks it
names it in ``Filter.asks``; ``mini_mesh.beside`` runs what is asked for, each at a Unix socket in
the mesh's own folder, and the Envoys that ask it have a cluster of :func:`cluster`'s name.
"""

from __future__ import annotations

from pathlib import Path

# Those that there may be, by the names under which patterns ask for them.
RATE_LIMIT = "rate_limit"  # each part is a ``rate_limits.rules.Domain``
EXT_AUTHZ = "ext_authz"  # each part is an ``ext_authz.rules.CheckPolicy``
SERVICES = frozenset({RATE_LIMIT, EXT_AUTHZ})


def cluster(name: str) -> str:
    """What the cluster of the service ``name`` is called; no service of a mesh has a colon."""
    return f"meshloom:{name}"


def socket(folder: Path, name: str) -> Path:
    """Where the service ``name`` of the mesh with this folder is asked."""
    return folder / f"{name}.sock"
