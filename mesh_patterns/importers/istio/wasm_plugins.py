"""WasmPlugin: a filter in front of workloads, and on what they send. Nothing is fetched: the file
has to lie here. https://istio.io/latest/docs/reference/config/proxy_extensions/wasm-plugin/
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from mesh_patterns.importers.istio.hosts_policies import pattern
from mesh_patterns.importers.istio.source import Source
from mesh_patterns.importers.istio.workloads import choice
from mesh_patterns.model import INGRESS
from mesh_yaml.node import Node
from mesh_yaml.place import DocumentError

_KNOWN = (
    "selector", "targetRefs", "url", "sha256", "pluginConfig", "pluginName", "phase", "priority",
    "failStrategy", "match", "imagePullPolicy", "imagePullSecret", "type",
)  # fmt: skip
_ON_TRAP = {"FAIL_CLOSE": "fail", "FAIL_OPEN": "open", "FAIL_RELOAD": "reload"}
_FILE = "file://"


def patterns(sources: Sequence[Source]) -> list[Node]:
    """The filters of all plugins; of those in one place, the one of higher priority comes first."""
    made: list[Node] = []
    for source in sorted(sources, key=_priority):
        source.notes.guard(made.extend, _of_plugin(source))
    return made


def _priority(source: Source) -> int:
    found = source.object.spec.get("priority")
    return -found.value if found is not None and isinstance(found.value, int) else 0


def _of_plugin(source: Source) -> Iterator[Node]:
    spec = source.object.spec
    source.notes.leftovers(spec, _KNOWN, source.owner)
    fields = _fields(source)
    if fields is None:
        return
    phase = spec.get("phase")
    if phase is not None and phase.value not in (None, "UNSPECIFIED_PHASE"):
        source.approximate(f"phase: {phase.text()}, so a filter runs after our own", phase)
    found, ways = choice(source), _ways(source)
    place = spec.find("url")
    if found.ingress and not found.services:
        yield pattern("wasm", f"{INGRESS} -> *", fields, place)
        return
    for name, versions in found.services.items():
        calls = source.world.catalog.entries[name].calls
        if "SERVER" in ways:
            for version in versions or ("",):
                on = f"{name}/{version}" if version else name
                yield pattern("wasm", on, fields, place)
        if "CLIENT" in ways and calls:
            yield pattern("wasm", f"{name} -> *", fields, place)


def _fields(source: Source) -> dict[str, Any] | None:
    """What the filter is; ``None``, told, where its file is not here."""
    spec = source.object.spec
    url = spec.get("url")
    if url is None:
        raise DocumentError.at(source.object.place, f"{source.owner} has no 'url'")
    text = url.text()
    if "://" in text and not text.startswith(_FILE):
        source.skip(f"a filter by {text.partition('://')[0]}, which is not fetched", url)
        return None
    if "://" not in text and not text.endswith(".wasm"):
        source.skip("a filter by oci, which is not fetched", url)
        return None
    kind = spec.get("type")
    if kind is not None and kind.value == "NETWORK":
        source.skip("a filter of type NETWORK", kind)
        return None
    found: dict[str, Any] = {"file": Node(text.removeprefix(_FILE), url.place)}
    names = {"sha256": "sha256", "pluginName": "root_id", "pluginConfig": "configuration"}
    found |= {
        ours: node
        for theirs, ours in names.items()
        if (node := spec.get(theirs)) is not None and node.value not in (None, "", {})
    }
    strategy = spec.get("failStrategy")
    if strategy is not None and strategy.text() in _ON_TRAP:
        found["on_trap"] = Node(_ON_TRAP[strategy.text()], strategy.place)
    return found


def _ways(source: Source) -> set[str]:
    """Which traffic: what comes, what goes, or both, which is what it means where nothing is said.

    There is one port to a service, so ``ports`` say nothing.
    """
    given = source.list("match")
    modes = [mode.text() if (mode := each.get("mode")) else "CLIENT_AND_SERVER" for each in given]
    for each in given:
        if (ports := each.get("ports")) is not None and ports.value:
            source.approximate("match.ports: a filter is for the one port that there is", ports)
    return {way for mode in modes or ["CLIENT_AND_SERVER"] for way in mode.split("_AND_")}
