"""``declare_property`` and ``set_envoy_filter_state``: what filters say of the filter state."""

from __future__ import annotations

import enum
from typing import TypeVar

from wasm_filters.abi import Status
from wasm_filters.foreign.data import foreign_data
from wasm_filters.foreign.objects import OBJECTS
from wasm_filters.properties.filter_state import LifeSpan, Prototype, StateType
from wasm_filters.properties.stream import StreamProperties
from wasm_filters.state.host import Host

_Kind = TypeVar("_Kind", bound=enum.IntEnum)


def declare_property(host: Host, arguments: bytes) -> tuple[Status, bytes]:
    """Say what a property is that ``proxy_set_property`` will set: a DeclarePropertyArguments.

    It counts if the root context says so, as in ``proxy_on_configure``. Numbers of no meaning are
    bytes, and the life span of a filter chain. BAD_ARGUMENT: not such a message, or declared
    before.
    """
    from wasm_filters.messages import WASM, MessageError, parse

    try:
        given = parse(f"{WASM}.DeclarePropertyArguments", arguments)
    except MessageError:
        return Status.BAD_ARGUMENT, b""
    context = host.called
    prototypes = foreign_data(context).prototypes
    name = given.name.encode()
    if name in prototypes:
        return Status.BAD_ARGUMENT, b""
    if not context.is_root:
        host.warn(
            f"property {given.name} is declared in a request's context, where it counts for"
            " nothing: declare it in proxy_on_configure"
        )
    prototypes[name] = Prototype(
        readonly=given.readonly,
        type=_known(StateType, given.type),
        schema=given.schema.decode("utf-8", "replace"),
        span=_known(LifeSpan, given.span),
    )
    return Status.OK, b""


def set_envoy_filter_state(host: Host, arguments: bytes) -> tuple[Status, bytes]:
    """Make one of Envoy's own objects (``OBJECTS``) from text: a SetEnvoyFilterStateArguments.

    ``filter_state`` attributes show it; nothing here acts on it. NOT_FOUND: no such object, or no
    request. BAD_ARGUMENT: not such a message, or a text that makes no such object.
    """
    from wasm_filters.messages import WASM, MessageError, parse

    try:
        given = parse(f"{WASM}.SetEnvoyFilterStateArguments", arguments)
    except MessageError:
        return Status.BAD_ARGUMENT, b""
    make = OBJECTS.get(given.path)
    if make is None:
        return Status.NOT_FOUND, b""
    made = make(given.value)
    if made is None:
        return Status.BAD_ARGUMENT, b""
    properties = host.current.properties
    if not isinstance(properties, StreamProperties):
        return Status.NOT_FOUND, b""
    span = _known(LifeSpan, given.span)
    if not properties.filter_state.put(given.path.encode(), made, span):
        host.warn(f"filter state {given.path} has another life span: as in Envoy, it is not set")
    return Status.OK, b""


def _known(kind: type[_Kind], number: int) -> _Kind:
    return kind(number if number in kind._value2member_map_ else 0)
