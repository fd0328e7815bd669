"""Clusters that can't serve, or have refused to; certificates that end.

Whatever is of the bootstrap is ours or somebody else's, and not looked at here.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

from debugger.configs.pushed import Pushed
from debugger.doctor.finding import Finding
from debugger.doctor.picture import Node, Picture, Seen
from xds_server.resource import ResourceType

LIFE_LEFT = 0.1  # of a certificate's life, below which its end is near: it should be renewed by now
PANIC = 50.0  # percent of healthy hosts below which Envoy uses all, where nobody says otherwise

Json = Mapping[str, Any]


def no_healthy_endpoints(picture: Picture) -> Iterator[Finding]:
    """Clusters to which a request can't go, or only since Envoy does not care any more."""
    for node, seen, pushed in _clusters(picture):
        total, healthy = (_stat(seen, pushed, f"membership_{each}") for each in _MEMBERS)
        if total is None or healthy or _finds_hosts_itself(pushed) or _is_warming(seen, pushed):
            continue
        hosts = tuple(_hosts(seen, pushed.name))
        yield Finding(
            node.name,
            f"cluster {pushed.name!r} has no healthy endpoint",
            (f"{total} endpoints, 0 of them healthy", *hosts),
            pushed.place_of(""),
            "start an endpoint" if total else "give it endpoints: a request to it gets a 503",
        )


_MEMBERS = ("total", "healthy")


def panic(picture: Picture) -> Iterator[Finding]:
    """Clusters that use sick hosts as well, because too few are left, and have done so."""
    for node, seen, pushed in _clusters(picture):
        total, healthy = (_stat(seen, pushed, f"membership_{each}") or 0 for each in _MEMBERS)
        panicked = _stat(seen, pushed, "lb_healthy_panic")
        threshold = _threshold(pushed)
        if panicked and total and 100 * healthy / total < threshold:
            share = 100 * healthy / total
            yield Finding(
                node.name,
                f"cluster {pushed.name!r} is in panic mode: requests go to sick hosts too",
                (
                    f"{healthy} of {total} hosts healthy: {share:.0f}% of at least {threshold:g}%",
                    f"lb_healthy_panic is {panicked}",
                    *_hosts(seen, pushed.name),
                ),
                pushed.place_of("common_lb_config.healthy_panic_threshold"),
                "heal the hosts; 'panic_threshold: 0' would send to healthy ones only",
            )


def _threshold(pushed: Pushed) -> float:
    config = pushed.content.get("common_lb_config", {})
    if "healthy_panic_threshold" not in config:
        return PANIC
    return float(config["healthy_panic_threshold"].get("value", 0.0))


def outliers(picture: Picture) -> Iterator[Finding]:
    """Hosts that are out, for failing; and those that should be, and may not."""
    for node, seen, pushed in _clusters(picture):
        place = pushed.place_of("outlier_detection")
        if active := _stat(seen, pushed, "outlier_detection.ejections_active"):
            yield Finding(
                node.name,
                f"cluster {pushed.name!r} has {active} of its hosts ejected",
                tuple(_hosts(seen, pushed.name)),
                place,
                "see why they fail; they come back by themselves and go out for longer each time",
            )
        elif overflow := _stat(seen, pushed, "outlier_detection.ejections_overflow"):
            yield Finding(
                node.name,
                f"cluster {pushed.name!r} did not eject a host that failed: too many would be out",
                (f"outlier_detection.ejections_overflow is {overflow}",),
                pushed.place_of("outlier_detection.max_ejection_percent"),
                "raise 'max_ejection_percent'",
            )


_BREAKERS = {
    "upstream_cx_overflow": "connections",
    "upstream_rq_pending_overflow": "pending requests",
    "upstream_rq_active_overflow": "requests",  # since 1.40; before, one of those above
    "upstream_rq_retry_overflow": "retries",
    "upstream_cx_pool_overflow": "connection pools",
}


def circuit_breakers(picture: Picture) -> Iterator[Finding]:
    """Limits that were reached since the Envoy started: what came beyond them was turned away."""
    for node, seen, pushed in _clusters(picture):
        tripped = tuple(
            f"{stat} is {count}: {what}"
            for stat, what in _BREAKERS.items()
            if (count := _stat(seen, pushed, stat))
        )
        if tripped:
            yield Finding(
                node.name,
                f"a circuit breaker of cluster {pushed.name!r} has tripped",
                tripped,
                pushed.place_of("circuit_breakers.thresholds[0]"),
                "raise the limit if the service can take more; else the callers are too many",
            )


def certificates(picture: Picture) -> Iterator[Finding]:
    """Certificates that have ended, are about to, or have not begun."""
    for node in picture.nodes:
        for each in node.seen.certificates if node.seen else ():
            for kind in ("cert_chain", "ca_cert"):
                for certificate in each.get(kind, ()):
                    if why := _end(certificate, picture.now):
                        yield _ending(node, certificate, why)


def _ending(node: Node, certificate: Json, why: str) -> Finding:
    names = [
        str(name) for each in certificate.get("subject_alt_names", ()) for name in each.values()
    ]
    holder = ", ".join(names) or f"serial {certificate.get('serial_number', 'unknown')}"
    evidence = (f"valid from {certificate['valid_from']} to {certificate['expiration_time']}",)
    what = f"the certificate of {holder} {why}"
    return Finding(node.name, what, evidence, _secret(node), "renew it, and serve the new one")


def _secret(node: Node) -> str | None:
    """The line that wants certificates: all secrets of a node are made by one."""
    places = {p.place_of("") for p in node.pushed if p.type is ResourceType.SECRET}
    return places.pop() if len(places) == 1 else None


def _end(certificate: Json, now: float) -> str:
    try:
        begins, ends = (
            datetime.fromisoformat(str(certificate[key])).astimezone(UTC).timestamp()
            for key in ("valid_from", "expiration_time")
        )
    except (KeyError, ValueError):
        return ""
    if now >= ends:
        return f"ended {_time(now - ends)} ago"
    if now < begins:
        return f"is not valid for another {_time(begins - now)}"
    return f"ends in {_time(ends - now)}" if ends - now < LIFE_LEFT * (ends - begins) else ""


def _time(seconds: float) -> str:
    for unit, name in ((86_400, "days"), (3_600, "hours"), (60, "minutes")):
        if seconds >= 2 * unit:
            return f"{seconds / unit:.0f} {name}"
    return f"{seconds:.0f} s"


def _clusters(picture: Picture) -> Iterator[tuple[Node, Seen, Pushed]]:
    for node in picture.nodes:
        for pushed in node.pushed if node.seen else ():
            if pushed.type is ResourceType.CLUSTER and pushed.to_be and node.seen:
                yield node, node.seen, pushed


def _stat(seen: Seen, pushed: Pushed, name: str) -> int | None:
    """Of a cluster; in names of stats Envoy writes ``_`` for a colon."""
    called = str(pushed.content.get("alt_stat_name") or pushed.name).replace(":", "_")
    return seen.stats.get(f"cluster.{called}.{name}")


def _finds_hosts_itself(pushed: Pushed) -> bool:
    """Whether hosts come with requests, or belong to other clusters."""
    return "cluster_type" in pushed.content or pushed.content.get("type") == "ORIGINAL_DST"


def _is_warming(seen: Seen, pushed: Pushed) -> bool:
    """Whether it waits for its first endpoints: that is another ill, if it takes long."""
    held = [each for each in seen.dump.get(pushed.type, ()) if each.name == pushed.name]
    return any(each.state == "warming" for each in held)


def _hosts(seen: Seen, cluster: str) -> Iterator[str]:
    """Those that are not well, and why."""
    for status in seen.clusters:
        if status.get("name") == cluster:
            for host in status.get("host_statuses", ()):
                health = host.get("health_status", {})
                why = [key.removeprefix("failed_").replace("_", " ") for key in health
                       if key.startswith("failed_") and health[key]]  # fmt: skip
                if health.get("eds_health_status", "HEALTHY") != "HEALTHY":
                    why.append(f"said to be {health['eds_health_status']}")
                if why:
                    yield f"{_address(host)}: {', '.join(why)}"


def _address(host: Json) -> str:
    socket = host.get("address", {}).get("socket_address", {})
    return f"{socket.get('address')}:{socket.get('port_value')}" if socket else "a socket"
