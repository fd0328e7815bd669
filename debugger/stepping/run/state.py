"""What filters can see and change, at one stop: a mapping of slots that is moved both ways.

Rule 1: a stop keeps only what is different from the one before, with both values, so a step costs
what it changes, forward and back. Rule 2: values are never changed, so stops share them.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple
from zlib import crc32

from wasm_filters.abi import BufferType, MapType
from wasm_filters.tracing.changes import BodyState, Change, compared
from wasm_filters.tracing.values import MAX_SHOWN, shown_bytes

PROPERTY, SHARED_DATA = "property", "shared_data"
METRICS = ("counter", "gauge", "histogram")
FIELDS: Mapping[int, str] = {kind: kind.name.lower() for kind in MapType}
BODIES: Mapping[int, str] = {kind: kind.name.lower() for kind in BufferType}
_FIELD_PARTS = frozenset(FIELDS.values())


@dataclass(frozen=True, slots=True)
class Body:
    """A body: its first bytes, its size, and a mark that tells two of one beginning apart."""

    data: bytes
    size: int
    mark: int

    @classmethod
    def of(cls, head: bytes, whole: bytes | bytearray) -> Body:
        return cls(head, len(whole), crc32(whole))

    def __str__(self) -> str:
        return shown_bytes(self.data, self.size)


class Owner(NamedTuple):
    """Whose it is: a context of one of the VMs, which are counted as they appear."""

    vm: int = 0
    context: int = 0


EVERYBODY = Owner()


class Slot(NamedTuple):
    """Where a value stands: ``request_headers`` of a context, a metric by its name."""

    part: str
    name: str = ""
    owner: Owner = EVERYBODY


@dataclass(frozen=True, slots=True)
class Assigned:
    """A slot that is another now; None stands for "not there"."""

    slot: Slot
    before: object
    after: object

    def changes(self) -> Iterator[Change]:
        """In words: of header maps, each field that differs."""
        slot = self.slot
        if slot.part not in _FIELD_PARTS:
            yield Change(slot.part, slot.name, _in_words(self.before), _in_words(self.after))
            return
        yield from compared(slot.part, _pairs(self.before), _pairs(self.after))


def _in_words(value: object) -> object:
    if isinstance(value, Body):
        return BodyState(value.size, value.data[:MAX_SHOWN], value.mark)
    return value


def _pairs(value: object) -> Sequence[tuple[bytes, bytes]]:
    return value if isinstance(value, tuple) else ()


class State:
    """All slots that have a value now, so that those of one part and owner are found at once: every
    request leaves some."""

    def __init__(self) -> None:
        self._values: dict[tuple[str, Owner], dict[str, object]] = {}

    def forward(self, assigned: Sequence[Assigned]) -> None:
        for one in assigned:
            self._set(one.slot, one.after)

    def back(self, assigned: Sequence[Assigned]) -> None:
        for one in reversed(assigned):
            self._set(one.slot, one.before)

    def _set(self, slot: Slot, value: object) -> None:
        part = self._values.setdefault((slot.part, slot.owner), {})
        if value is None:
            part.pop(slot.name, None)
        else:
            part[slot.name] = value

    def get(self, slot: Slot) -> object:
        return self.of(slot.part, slot.owner).get(slot.name)

    def of(self, part: str, owner: Owner = EVERYBODY) -> Mapping[str, object]:
        """The values of one part, by name."""
        return self._values.get((part, owner), {})

    def __iter__(self) -> Iterator[tuple[Slot, object]]:
        for (part, owner), values in self._values.items():
            for name, value in values.items():
                yield Slot(part, name, owner), value
