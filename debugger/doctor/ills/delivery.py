"""Config that does not arrive: nodes that are not there, refuse, wait, or lag behind the others."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

from debugger.configs.pushed import Pushed
from debugger.doctor.finding import Finding
from debugger.doctor.picture import Node, Picture
from xds_server.clients.dump import Held
from xds_server.resource import ResourceType

# Seconds that something may take while all is well: an Envoy is ready, warm, or has answered a push
# within some milliseconds.
PATIENCE = 3.0

CONNECTED = "control_plane.connected_state"


def disconnected(picture: Picture) -> Iterator[Finding]:
    """Nodes that do not hear of changes, and a control plane that does not answer."""
    if picture.silent:
        yield Finding(
            "",
            "the control plane does not answer",
            (picture.silent,),
            proposal="see what 'meshloom up' says; every Envoy keeps what it has",
        )
    for node in picture.nodes:
        evidence = tuple(_unconnected(node))
        if evidence:
            yield Finding(
                node.name,
                f"{node.name} is not connected to the control plane",
                evidence,
                proposal="it keeps the config that it has, and hears of no change until it is back",
            )


def _unconnected(node: Node) -> Iterator[str]:
    if node.seen is not None and node.seen.stats.get(CONNECTED) == 0:
        yield f"{CONNECTED} is 0"
    if node.connected is False and node.kind == "envoy":
        yield "the control plane has no stream of it"


def not_live(picture: Picture) -> Iterator[Finding]:
    """Envoys that do not answer, or have not come up."""
    for node in picture.nodes:
        if node.silent:
            evidence = (node.silent,)
            yield Finding(
                node.name, f"{node.name} does not answer", evidence, proposal="see its log"
            )
        elif node.seen is not None and _state(node) != "LIVE" and _uptime(node) > PATIENCE:
            evidence = (f"/server_info: {_state(node)}, up for {_uptime(node):g} s",)
            proposal = "it waits for its first config, or drains"
            yield Finding(node.name, f"{node.name} is not live", evidence, proposal=proposal)


def _state(node: Node) -> str:
    return str(node.seen.server.get("state", "LIVE")) if node.seen else ""


def _uptime(node: Node) -> float:
    text = str(node.seen.server.get("uptime_current_epoch", "0s")) if node.seen else "0s"
    return float(text.removesuffix("s"))


def refused(picture: Picture) -> Iterator[Finding]:
    """NACKs, by what the control plane has heard, else by what the Envoy itself says."""
    for node in picture.nodes:
        known = {(each.type, each.name): each for each in node.pushed}
        for pushed in node.pushed:
            if pushed.error:
                yield _refusal(node, pushed.type, pushed.name, pushed.error, pushed.place)
        for held in _held(node, "refused"):
            at = known.get((held.type, held.name))
            if held.error and at is not None and not at.error:
                yield _refusal(node, held.type, held.name, held.error, at.place_of(""))


def _refusal(node: Node, kind: ResourceType, name: str, error: str, place: str | None) -> Finding:
    return Finding(
        node.name,
        f"{kind.title} {name!r} was refused",
        (error,),
        place,
        "what was accepted before stays; correct the line, or 'meshloom rollback'",
    )


def warming(picture: Picture) -> Iterator[Finding]:
    """Listeners and clusters that have been waiting for too long for what they need."""
    for node in picture.nodes:
        known = {(each.type, each.name): each for each in node.pushed}
        for held in _held(node, "warming"):
            waited = picture.now - _seconds(held.updated)
            if waited < PATIENCE:
                continue
            at = known.get((held.type, held.name))
            missing = tuple(_missing(node, held))
            yield Finding(
                node.name,
                f"{held.type.title} {held.name!r} is stuck warming",
                (f"for {waited:.0f} s; what was there before stays in effect", *missing),
                at.place_of("") if at else None,
                "serve what it waits for, or take away what names it",
            )


def _missing(node: Node, held: Held) -> Iterator[str]:
    """What it names, and the Envoy has not got. ECDS is told of beside the rest."""
    wanted = set(_named(held.content))
    for kind, name in sorted(wanted, key=lambda pair: (pair[0].title, pair[1])):
        has = {each.name for each in (node.seen.dump.get(kind, ()) if node.seen else ())}
        if name not in has:
            yield f"it waits for {kind.title} {name!r}"


def _named(content: Any) -> Iterator[tuple[ResourceType, str]]:
    """References to what is discovered by itself, wherever they stand."""
    if isinstance(content, Mapping):
        if (rds := content.get("rds")) and "route_config_name" in rds:
            yield ResourceType.ROUTE, str(rds["route_config_name"])
        if "config_discovery" in content and "name" in content:
            yield ResourceType.EXTENSION_CONFIG, str(content["name"])
        if "sds_config" in content and "name" in content:
            yield ResourceType.SECRET, str(content["name"])
        if "eds_cluster_config" in content:
            eds = content["eds_cluster_config"]
            yield ResourceType.ENDPOINT, str(eds.get("service_name") or content.get("name", ""))
        content = list(content.values())
    if isinstance(content, list):
        for each in content:
            yield from _named(each)


def _held(node: Node, state: str) -> Iterator[Held]:
    for found in (node.seen.dump if node.seen else {}).values():
        yield from (each for each in found if each.state == state)


def _seconds(text: str) -> float:
    """Epoch seconds of RFC 3339 text; a time that can't be read is one that has only just been."""
    try:
        return datetime.fromisoformat(text).astimezone(UTC).timestamp()
    except ValueError:
        return float("inf")


def not_bound(picture: Picture) -> Iterator[Finding]:
    """Listeners that are to be, and have no socket."""
    for node in picture.nodes:
        if node.seen is None:
            continue
        waiting = {held.name for held in _held(node, "warming")}
        for pushed in node.pushed:
            if _wants_socket(pushed) and pushed.name not in node.seen.listeners | waiting:
                address = pushed.content.get("address", {}).get("socket_address", {})
                at = f"{address.get('address')}:{address.get('port_value', 0)}"
                yield Finding(
                    node.name,
                    f"listener {pushed.name!r} is not bound",
                    (f"wanted {at}; /listeners does not have it", *_why(node, pushed.name)),
                    pushed.place_of("address"),
                    "free the port, or give another one",
                )


def _wants_socket(pushed: Pushed) -> bool:
    content = pushed.content
    return (
        pushed.type is ResourceType.LISTENER
        and pushed.to_be == pushed.sent != ""
        and "socket_address" in content.get("address", {})
        and "api_listener" not in content
        and content.get("bind_to_port", True) is not False
    )


def _why(node: Node, name: str) -> Iterator[str]:
    for held in _held(node, "refused"):
        if held.name == name and held.error:
            yield held.error


def skew(picture: Picture) -> Iterator[Finding]:
    """Nodes that go by an older config than others do, and Envoys of other versions."""
    yield from _old_configs(picture)
    versions: dict[str, list[str]] = {}
    for node in picture.nodes:
        if node.seen is not None and (version := str(node.seen.server.get("version", ""))):
            versions.setdefault(version, []).append(node.name)
    if len(versions) > 1:
        evidence = tuple(f"{', '.join(nodes)}: {each}" for each, nodes in versions.items())
        yield Finding(
            "",
            "the Envoys are not of one version",
            evidence,
            proposal="what one takes another may refuse; start the old ones anew",
        )


def _old_configs(picture: Picture) -> Iterator[Finding]:
    now = picture.releases[-1] if picture.releases else None
    if now is None or picture.now - now["at"] < PATIENCE or not now["accepted"]:
        return
    for node in picture.nodes:
        settled = node.name in now["accepted"] or node.name in now["refused"]
        if settled or not node.connected or all(_is_settled(each) for each in node.pushed):
            continue
        had = [each["version"] for each in picture.releases if node.name in each["accepted"]]
        yield Finding(
            node.name,
            f"{node.name} goes by an older config than {', '.join(now['accepted'])}",
            (f"served is {now['version']}; it accepted {had[-1] if had else 'none'} last",),
            proposal="it was sent the new one and has not answered: see 'meshloom xds history'",
        )


def _is_settled(pushed: Pushed) -> bool:
    return pushed.to_be == pushed.sent == pushed.accepted


def workloads(picture: Picture) -> Iterator[Finding]:
    """Programs behind Envoys that take no connection."""
    for name, why in picture.workloads.items():
        if why:
            yield Finding(
                "",
                f"the workload of {name} is down",
                (why,),
                proposal="start it, or see why it ended: its log is in the mesh's folder",
            )
