"""Names of hosts, among them such as ``*.example.com``, and ``*`` for any."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

ANY = "*"


def covers(wide: str, narrow: str) -> bool:
    """Whether all that ``narrow`` stands for is in ``wide``; ``*.a.b`` is not ``a.b`` itself."""
    if wide in (ANY, narrow):
        return True
    return wide.startswith("*.") and narrow.endswith(wide[1:])


def narrower(one: str, other: str) -> str | None:
    """What two names have in common; one of them is in the other, or it is nothing."""
    if covers(other, one):
        return one
    return other if covers(one, other) else None


def overlap(host: str, hosts: Iterable[str]) -> Iterator[str]:
    """What a name has in common with each of several."""
    return (found for other in hosts if (found := narrower(host, other)) is not None)


def wider(name: str) -> Iterator[str]:
    """All names that cover a name, the most specific one first, which is itself."""
    yield name
    rest = name.removeprefix("*.")
    while "." in rest:
        rest = rest.partition(".")[2]
        yield f"*.{rest}"
    if name != ANY:
        yield ANY


def specificity(name: str) -> tuple[int, int]:
    """What a more specific name has more of: characters without a wildcard, then characters."""
    if name == ANY:
        return (0, 0)
    return (0 if name.startswith("*") else len(name), len(name))
