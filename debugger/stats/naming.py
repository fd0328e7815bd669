"""Names of stats, taken apart into what they are about and what is counted there.

A stat's name is ``cluster.NAME.WHAT``, and NAME may have dots: those that are known decide.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

# Moved by whoever looks, and by the control plane's own connections.
OWN = ("http.admin.", "listener.admin.", "cluster.meshloom_")


class Subject(NamedTuple):
    """What a stat is about: ``cluster reviews/v1``, ``http inbound-web``, or a part of Envoy."""

    kind: str
    name: str
    what: str


class Names:
    """The clusters' and listeners' names that are known, as they stand in stats."""

    def __init__(self, clusters: Iterable[str] = (), managers: Iterable[str] = ()) -> None:
        self._known = {
            "cluster": _longest_first(clusters),
            "http": _longest_first(managers),
        }

    def subject(self, stat: str) -> Subject:
        kind, _, rest = stat.partition(".")
        for stored, name in self._known.get(kind, ()):
            if rest.startswith(f"{stored}."):
                return Subject(kind, name, rest[len(stored) + 1 :])
        if kind == "listener":
            return _listener(rest)
        if kind in self._known:
            name, _, what = rest.partition(".")
            return Subject(kind, name, what)
        return Subject(kind, "", rest or stat)


def _longest_first(names: Iterable[str]) -> list[tuple[str, str]]:
    return sorted(((each.replace(":", "_"), each) for each in names), key=lambda it: -len(it[0]))


def _listener(rest: str) -> Subject:
    """``127.0.0.1_8080.downstream_cx_total``: an address has dots, and a name of its own may."""
    address, _, what = rest.partition("_")
    port, dot, what = what.partition(".")
    if dot and port.isdigit():
        return Subject("listener", f"{address}:{port}", what)
    name, _, what = rest.partition(".")
    return Subject("listener", name, what)


def is_own(stat: str) -> bool:
    """Whether it moves by being looked at, or by what meshloom itself does."""
    return stat.startswith(OWN)
