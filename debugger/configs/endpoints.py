"""Endpoints as an Envoy shows them, brought into the shape in which they were sent.

Its dump sorts hosts by priority and locality, fills in what was left out, and says how each host
feels at the moment where nobody said how it should. What was sent is taken as the measure.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

Assignment = Mapping[str, Any]
Group = tuple[int, str, str, str]  # priority, region, zone, sub-zone
Host = tuple[str, int]  # address or path, port

# What Envoy fills in: of an assignment's policy, of a locality, of a host.
_POLICY = {"overprovisioning_factor": 140}
_LOCALITY: Mapping[str, Any] = {"locality": {}, "load_balancing_weight": 0, "priority": 0}
_HOST: Mapping[str, Any] = {"load_balancing_weight": 1, "health_status": "HEALTHY"}
_ENDPOINT: Mapping[str, Any] = {"health_check_config": {}, "hostname": ""}


def alike(held: Assignment, sent: Assignment) -> dict[str, Any]:
    """What Envoy holds, in the order in which it was sent, without what it filled in itself."""
    measure = {group: (at, each) for at, (group, each) in enumerate(_groups(sent))}
    found = sorted(_groups(held), key=lambda pair: measure.get(pair[0], (len(measure), {}))[0])
    endpoints = [_locality(each, measure.get(group, (0, {}))[1]) for group, each in found]
    shown = {**held, "endpoints": endpoints}
    _leave_out(shown, "policy", sent, _POLICY)
    return {key: value for key, value in shown.items() if value not in ([], None)}


def hosted(assignment: Assignment) -> dict[str, Any]:
    """The same without the localities that have no hosts: Envoy forgets those."""
    some = [each for each in assignment.get("endpoints", ()) if each.get("lb_endpoints")]
    found = {key: value for key, value in assignment.items() if key != "endpoints"}
    return {**found, "endpoints": some} if some else found


def _groups(of: Assignment) -> Iterator[tuple[Group, Mapping[str, Any]]]:
    for each in of.get("endpoints", ()):
        at = each.get("locality", {})
        names = (str(at.get(key, "")) for key in ("region", "zone", "sub_zone"))
        region, zone, sub_zone = names
        yield (int(each.get("priority", 0)), region, zone, sub_zone), each


def _leave_out(
    shown: dict[str, Any], key: str, sent: Mapping[str, Any], filled: Mapping[str, Any]
) -> None:
    """Take from the message ``key`` of ``shown`` what was filled in and not sent."""
    if key in shown:
        shown[key] = _without(shown[key], sent.get(key, {}), filled)
        if not shown[key] and key not in sent:
            del shown[key]


def _without(
    shown: Mapping[str, Any], sent: Mapping[str, Any], filled: Mapping[str, Any]
) -> dict[str, Any]:
    return {key: value for key, value in shown.items() if key in sent or filled.get(key) != value}


def _locality(held: Mapping[str, Any], sent: Mapping[str, Any]) -> dict[str, Any]:
    measure = {_host(each): (at, each) for at, each in enumerate(sent.get("lb_endpoints", ()))}
    hosts = sorted(
        held.get("lb_endpoints", ()), key=lambda it: measure.get(_host(it), (len(measure), {}))[0]
    )
    shown = _without(held, sent, _LOCALITY)
    shown["lb_endpoints"] = [_lb(each, measure.get(_host(each), (0, {}))[1]) for each in hosts]
    return shown


def _lb(held: Mapping[str, Any], sent: Mapping[str, Any]) -> dict[str, Any]:
    shown = _without(held, sent, _HOST)
    if "health_status" not in sent:
        shown.pop("health_status", None)  # how it feels now, which nobody sent
    _leave_out(shown, "endpoint", sent, _ENDPOINT)
    return shown


def _host(of: Mapping[str, Any]) -> Host:
    address = of.get("endpoint", {}).get("address", {})
    socket = address.get("socket_address", {})
    if socket:
        return str(socket.get("address", "")), int(socket.get("port_value", 0))
    return str(address), 0
