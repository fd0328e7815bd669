"""PeerAuthentication: how callers have to come. Of whom nothing is said they come in plaintext,
which has to be said to Istio.

https://istio.io/latest/docs/reference/config/security/peer_authentication/
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from mesh_patterns.draft import Draft, Placed
from mesh_patterns.exporters.services import Known
from mesh_patterns.identity import OFF, mode

Made = dict[str, Any]
_MODES = {"strict": "STRICT", "permissive": "PERMISSIVE", "off": "DISABLE"}


def fit(draft: Draft, made: Draft) -> None:
    """All modes, without what is said of the certificates."""
    for name, placed in draft.mtls.items():
        made.mtls[name] = Placed(placed.value, placed.place)


def are_known(draft: Draft) -> bool:
    """Whether anybody asks who a caller is."""
    asked = any(each.kind == "authorization" for each in draft.filters)
    return asked or any(each.value != OFF for each in draft.mtls.values())


def written(draft: Draft, known: Sequence[Known]) -> list[Made]:
    """One for each service, if there has to be any."""
    if not are_known(draft):
        return []
    return [
        {
            "apiVersion": "security.istio.io/v1", "kind": "PeerAuthentication",
            "metadata": each.metadata(),
            "spec": {
                "selector": {"matchLabels": each.labels()},
                "mtls": {"mode": _MODES[mode(draft, each.service.name)]},
            },
        }
        for each in known
        if not each.outside
    ]  # fmt: skip
