"""The variables of an expression: as much of the attributes as it uses, and not more."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from wasm_filters.foreign.cel import NotSupported, to_cel
from wasm_filters.foreign.syntax import Use
from wasm_filters.properties.attributes import ATTRIBUTES
from wasm_filters.properties.lookup import find
from wasm_filters.properties.stream import StreamProperties
from wasm_filters.properties.values import BROKEN, FAMILY, Fields, Value

if TYPE_CHECKING:
    from wasm_filters.state.context import Context


class Variables:
    """``values`` by name, for CEL's runtime."""

    def __init__(self, context: Context) -> None:
        self.values: dict[str, Any] = {}
        self._context = context
        self._whole: set[tuple[str, ...]] = set()  # headers that are all in
        self._odd: set[tuple[str, ...]] = set()  # headers with a name that is not in lower case

    def family(self, path: tuple[str, ...]) -> Value:
        return self._find(*path) if len(path) == 1 else None

    def add(self, use: Use) -> None:
        """Put in what ``use`` needs. NotSupported: it needs what CEL can't be given."""
        name, *rest = use.path
        value = self._find(name)
        if value is None or value is BROKEN:  # an error in Envoy, as what is not there
            return
        if value is not FAMILY:
            self.values[name] = to_cel(value)
        elif rest:
            self._add_member(use)
        elif use.searched:
            self._add_family(name)
        else:
            raise NotSupported(f"{name} as a whole; its attributes can be used one by one")

    def _find(self, *path: str) -> Value:
        return find(self._context, "\0".join(path).encode(), whole=False)

    def _add_member(self, use: Use) -> None:
        name, attribute, *rest = use.path
        members = self.values.setdefault(name, {})
        if self._is_overridden(name, attribute):
            self._add_path(members, use.path)
            return
        value = self._find(name, attribute)
        if isinstance(value, Fields):
            self._add_fields(members, value, use)
        elif value is not None and value is not BROKEN:
            members[attribute] = to_cel(value)

    def _add_fields(self, members: dict[str, Any], value: Fields, use: Use) -> None:
        _, attribute, *rest = use.path
        at = use.path[:2]
        fields = members.setdefault(attribute, {})
        if not rest:
            fields.update(to_cel(value))
            self._whole.add(at)
        else:
            found = value.get(rest[0].encode())
            if found is not None:
                fields[rest[0]] = to_cel(found)
            if rest[0] != rest[0].lower():
                self._odd.add(at)
        if at in self._whole and at in self._odd:
            raise NotSupported(f"{'.'.join(at)} as a whole, and one of them by a name in capitals")

    def _add_family(self, name: str) -> None:
        for attribute in self._members(name):
            self._add_member(Use((name, attribute)))

    def _members(self, name: str) -> list[str]:
        properties = self._context.properties
        if name == "filter_state" and isinstance(properties, StreamProperties):
            return [key.decode("utf-8", "replace") for key in properties.filter_state.names()]
        start = name.encode() + b"\0"
        return [key[len(start) :].decode() for key in ATTRIBUTES if key.startswith(start)]

    def _is_overridden(self, name: str, attribute: str) -> bool:
        """Whether a user gave something inside of the attribute."""
        start = f"{name}.{attribute}.".encode()
        overrides = self._context.properties.surroundings.overrides
        return any(path.startswith(start) for path in overrides)

    def _add_path(self, members: dict[str, Any], path: tuple[str, ...]) -> None:
        value = self._find(*path)
        for segment in path[1:-1]:
            members = members.setdefault(segment, {})
        if value is not None:
            members[path[-1]] = to_cel(value)
