"""``tls`` of a DestinationRule for a service outside: callers' plaintext leaves as TLS.

https://istio.io/latest/docs/reference/config/networking/destination-rule/#ClientTLSSettings
"""

from __future__ import annotations

from typing import Any

from mesh_patterns.importers.catalog import Entry
from mesh_patterns.importers.fields import elements, text
from mesh_patterns.importers.istio.source import Source
from mesh_yaml.node import Node

_KNOWN = ("mode", "sni", "subjectAltNames", "insecureSkipVerify")
_MODES = ("SIMPLE", "MUTUAL")


def learn(entry: Entry, policy: Node, source: Source) -> None:
    """What a ``trafficPolicy`` says of TLS, of one port or of all."""
    if entry.outside is None:
        return
    for each in elements(policy, "portLevelSettings"):
        number = each.find("port").get("number")
        tls = _tls(each, source)
        if tls is not None and number is not None and isinstance(number.value, int):
            entry.outside.originate(tls, number.value)
            entry.port = entry.outside.port.number
            return
    tls = _tls(policy, source)
    if tls is not None:
        entry.outside.originate(tls)


def _tls(policy: Node, source: Source) -> Node | None:
    tls = policy.get("tls")
    mode = text(tls, "mode") if tls is not None else ""
    if tls is None or mode not in _MODES:
        return None
    source.notes.leftovers(tls, _KNOWN, source.owner, "tls.")
    if mode == "MUTUAL":
        source.skip("tls.mode: MUTUAL, without a certificate of the caller's", tls.find("mode"))
    made: dict[str, Any] = {}
    if sni := tls.get("sni"):
        made["sni"] = sni
    if names := elements(tls, "subjectAltNames"):
        made["names"] = [*names]
    if text(tls, "insecureSkipVerify") == "true":
        made["verify"] = False
    elif not _knows_authorities():
        source.approximate("no authorities are known on this machine: nothing is verified", tls)
        made["verify"] = False
    return Node.of(made or True, tls.place)


def _knows_authorities() -> bool:
    import ssl  # slow to import, and few files need it

    return bool(ssl.get_default_verify_paths().cafile)
