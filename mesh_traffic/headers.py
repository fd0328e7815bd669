"""HTTP fields: ordered, repeatable, looked up without regard to case."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from msgspec import Struct

Field = tuple[str, str]

_CODEC = ("utf-8", "surrogateescape")  # readable where it is text, lossless where it is not


class Headers(Struct, frozen=True):
    """An immutable list of ``(name, value)`` fields, as they came, pseudo-headers included.

    Names keep their case; every lookup ignores it (RFC 9110, section 5.1). The same name may come
    several times and keeps its order (section 5.3). Bytes that are not UTF-8 survive a round trip
    through :meth:`of_bytes` and :meth:`to_bytes`.
    """

    fields: tuple[Field, ...] = ()

    @classmethod
    def of(cls, fields: Mapping[str, str] | Iterable[Field] = ()) -> Headers:
        """Headers from a mapping or from pairs, in their order."""
        pairs = fields.items() if isinstance(fields, Mapping) else fields
        return cls(tuple((name, value) for name, value in pairs))

    @classmethod
    def of_bytes(cls, fields: Iterable[tuple[bytes, bytes]]) -> Headers:
        pairs = fields if isinstance(fields, list) else list(fields)
        try:  # what is plain UTF-8, as nearly everything, is twice as quick without the handler
            return cls(tuple([(name.decode(), value.decode()) for name, value in pairs]))
        except UnicodeDecodeError:
            return cls(tuple((n.decode(*_CODEC), v.decode(*_CODEC)) for n, v in pairs))

    def to_bytes(self) -> list[tuple[bytes, bytes]]:
        try:
            return [(name.encode(), value.encode()) for name, value in self.fields]
        except UnicodeEncodeError:
            return [(name.encode(*_CODEC), value.encode(*_CODEC)) for name, value in self.fields]

    def get(self, name: str, default: str | None = None) -> str | None:
        """The first value of ``name``, or ``default``."""
        wanted = name.lower()
        return next((v for n, v in self.fields if n.lower() == wanted), default)

    def get_all(self, name: str) -> list[str]:
        wanted = name.lower()
        return [value for field, value in self.fields if field.lower() == wanted]

    def added(self, name: str, value: str) -> Headers:
        """These headers with one more field at the end."""
        return Headers((*self.fields, (name, value)))

    def replaced(self, name: str, value: str) -> Headers:
        """These headers with ``name`` set once to ``value``, in the place of its first field."""
        wanted = name.lower()
        at = next((i for i, (n, _) in enumerate(self.fields) if n.lower() == wanted), None)
        if at is None:
            return self.added(name, value)
        before = self.fields[:at]
        after = tuple(f for f in self.fields[at + 1 :] if f[0].lower() != wanted)
        return Headers((*before, (self.fields[at][0], value), *after))

    def removed(self, name: str) -> Headers:
        wanted = name.lower()
        return Headers(tuple(f for f in self.fields if f[0].lower() != wanted))

    def ordinary(self) -> Headers:
        """These headers without pseudo-headers, such as ``:path`` (RFC 9113, section 8.3)."""
        return Headers(tuple([field for field in self.fields if field[0][:1] != ":"]))

    def __contains__(self, name: object) -> bool:
        return isinstance(name, str) and self.get(name) is not None

    def __iter__(self) -> Iterator[Field]:
        return iter(self.fields)

    def __len__(self) -> int:
        return len(self.fields)
