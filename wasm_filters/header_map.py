"""HTTP fields while a filter works on them, with the habits of Envoy's header map.

Rule 1: names are lower case. Rule 2: pseudo-headers stay in front of all others. Rule 3: replacing
is removing and adding, so a replaced field moves to the end. Rule 4: a field that Envoy keeps a
slot for (``INLINE``) exists once: adding to it appends to its value after a comma.
Source: envoy, source/common/http/header_map_impl.cc; compared with Envoy 1.40 in
tests/wasm_filters/test_fidelity.py.
"""

from __future__ import annotations

from collections.abc import Iterable

Pair = tuple[bytes, bytes]

INLINE: frozenset[bytes] = frozenset()


class HeaderMap:
    """An ordered multimap of lower-case names to values."""

    __slots__ = ("_first", "_pairs")

    def __init__(self, pairs: Iterable[Pair] = ()) -> None:
        self._pairs: list[Pair] = []
        self._first: dict[bytes, bytes] = {}
        for name, value in pairs:
            self.add(name, value)

    @property
    def pairs(self) -> list[Pair]:
        """All fields in their order; not to be changed."""
        return self._pairs

    def __len__(self) -> int:
        return len(self._pairs)

    @property
    def byte_size(self) -> int:
        return sum(len(name) + len(value) for name, value in self._pairs)

    def get(self, name: bytes) -> bytes | None:
        """The first value of ``name``, in whatever case it is asked for."""
        value = self._first.get(name)
        return self._first.get(name.lower()) if value is None else value

    def add(self, name: bytes, value: bytes) -> None:
        name = name.lower()
        if name not in self._first:
            self._first[name] = value
        elif name in INLINE:
            self._append(name, value)
            return
        if name.startswith(b":"):
            self._pairs.insert(self._pseudo_end(), (name, value))
        else:
            self._pairs.append((name, value))

    def _append(self, name: bytes, value: bytes) -> None:
        at = next(i for i, pair in enumerate(self._pairs) if pair[0] == name)
        joined = self._first[name] + b"," + value if self._first[name] else value
        self._pairs[at] = (name, joined)
        self._first[name] = joined

    def _pseudo_end(self) -> int:
        ordinary = (i for i, pair in enumerate(self._pairs) if not pair[0].startswith(b":"))
        return next(ordinary, len(self._pairs))

    def remove(self, name: bytes) -> None:
        name = name.lower()
        if self._first.pop(name, None) is not None:
            self._pairs = [pair for pair in self._pairs if pair[0] != name]

    def replace(self, name: bytes, value: bytes) -> None:
        self.remove(name)
        self.add(name, value)

    def set_pairs(self, pairs: Iterable[Pair]) -> None:
        self._pairs = []
        self._first = {}
        for name, value in pairs:
            self.add(name, value)
