"""Runtime values that hold in an Envoy, and nobody sent: somebody set them by its admin interface.

https://www.envoyproxy.io/docs/envoy/latest/operations/admin#get--runtime
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from debugger.configs.difference import Difference, FieldDifference
from debugger.configs.pushed import Pushed
from xds_server.resource import ResourceType

ADMIN = "admin"  # the name that the layer has in most bootstraps, and the only one that is told of

Told = Mapping[str, Any]


def differences(pushed: Iterable[Pushed], runtime: Told) -> Iterator[Difference]:
    """What ``/runtime`` says beside or against what was sent (RTDS)."""
    layers = [str(each) for each in runtime.get("layers", ())]
    entries: Mapping[str, Told] = runtime.get("entries", {})
    sent = {each.name: each for each in pushed if each.type is ResourceType.RUNTIME}
    for name, each in sent.items():
        if name in layers:
            fields = tuple(_overridden(each, layers.index(name), entries))
            if fields:
                words = ("another layer, or an older version, holds instead",)
                yield Difference(
                    each.type.title, name, words, each.place_of(""), fields, len(fields)
                )
    if ADMIN in layers:
        fields = tuple(_by_hand(layers.index(ADMIN), entries))
        if fields:
            words = ("set by the admin interface, and nobody sent it",)
            yield Difference(ResourceType.RUNTIME.title, ADMIN, words, None, fields, len(fields))


def _overridden(
    pushed: Pushed, layer: int, entries: Mapping[str, Told]
) -> Iterator[FieldDifference]:
    for key, value in sorted(_flat(pushed.content.get("layer", {}))):
        entry = entries.get(key, {})
        final = str(entry.get("final_value", ""))
        if final != value:
            path = f"layer.{key}"
            values = {"to_be": value, "in_effect": final or None}
            yield FieldDifference(path, values, pushed.place_of(path))  # type: ignore[arg-type] # two of the stages


def _by_hand(layer: int, entries: Mapping[str, Told]) -> Iterator[FieldDifference]:
    for key, entry in sorted(entries.items()):
        if entry["layer_values"][layer]:
            values = {"to_be": None, "in_effect": entry["final_value"]}
            yield FieldDifference(f"layer.{key}", values)  # type: ignore[arg-type] # two of the stages


def _flat(layer: Mapping[str, Any], under: str = "") -> Iterator[tuple[str, str]]:
    """Keys with dots, as Envoy has them; of values that are messages only the plain fields."""
    for key, value in layer.items():
        if isinstance(value, Mapping):
            yield from _flat(value, f"{under}{key}.")
        elif isinstance(value, bool):
            yield f"{under}{key}", str(value).lower()
        elif isinstance(value, int | float):
            yield f"{under}{key}", f"{value:g}"
        else:
            yield f"{under}{key}", str(value)
