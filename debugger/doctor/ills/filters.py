"""HTTP filters that never ran, though requests passed them, and those that can't do anything."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from debugger.doctor.finding import Finding
from debugger.doctor.parts import Manager, is_a, managers
from debugger.doctor.picture import Picture, Seen

Json = Mapping[str, Any]

_HTTP = "envoy.extensions.filters.http"
_RATE_LIMIT = f"{_HTTP}.local_ratelimit.v3.LocalRateLimit"


def _rbac(manager: Manager, config: Json) -> tuple[str, ...]:
    if not ({"rules", "matcher"} & config.keys()):
        return ()
    prefix = str(config.get("rules_stat_prefix", ""))
    dot = "" if prefix.endswith(".") or not prefix else "."
    return tuple(
        f"http.{manager.prefix}.rbac.{prefix}{dot}{each}" for each in ("allowed", "denied")
    )


def _lua(manager: Manager, config: Json) -> tuple[str, ...]:
    prefix = str(config.get("stat_prefix", ""))
    dot = "." if prefix else ""
    return tuple(
        f"http.{manager.prefix}.lua.{prefix}{dot}{each}" for each in ("executions", "errors")
    )


def _limit(manager: Manager, config: Json) -> tuple[str, ...]:
    return (f"{config.get('stat_prefix', '')}.http_local_rate_limit.enabled",)


# By its type: the counters of which one moves with every request that a filter sees.
_COUNTERS = {
    f"{_HTTP}.rbac.v3.RBAC": _rbac,
    f"{_HTTP}.lua.v3.Lua": _lua,
    _RATE_LIMIT: _limit,
}


def never_ran(picture: Picture) -> Iterator[Finding]:
    """Filters whose counters stand at zero while the router behind them had requests.

    Only told where nothing has changed since the Envoy started: counters stay when filters come.
    """
    for node in picture.nodes:
        found = list(managers(node.pushed))
        for manager in found:
            alone = sum(each.prefix == manager.prefix for each in found) == 1
            if node.seen is None or not alone or not _unchanged(manager, node.seen):
                continue
            passed = node.seen.stats.get(f"http.{manager.prefix}.rq_total", 0)
            for path, each in manager.filters() if passed else ():
                counters = _counters(manager, each)
                if _all_zero(counters, node.seen):
                    yield Finding(
                        node.name,
                        f"filter {each['name']!r} of listener {manager.pushed.name!r} never ran",
                        (f"{passed} requests passed it", *(f"{name} is 0" for name in counters)),
                        manager.pushed.place_of(path),
                        "see whether it is enabled, and no route turns it off",
                    )


def _unchanged(manager: Manager, seen: Seen) -> bool:
    modified = ("listener_modified", "listener_removed", "listener_in_place_updated")
    if any(seen.stats.get(f"listener_manager.{each}") for each in modified):
        return False
    reloads = (
        value
        for name, value in seen.stats.items()
        if name.startswith(f"http.{manager.prefix}.rds.") and name.endswith(".config_reload")
    )
    return all(each <= 1 for each in reloads)


def _counters(manager: Manager, each: Json) -> tuple[str, ...]:
    config = each.get("typed_config", {})
    if each.get("disabled"):
        return ()  # as somebody wanted it
    called = next((read for kind, read in _COUNTERS.items() if is_a(config, kind)), None)
    return called(manager, config) if called else ()


def _all_zero(counters: tuple[str, ...], seen: Seen) -> bool:
    """Also whether Envoy knows them: what is not there says nothing."""
    found = [seen.stats[each] for each in counters if each in seen.stats]
    return bool(found) and not any(found)


def not_enabled(picture: Picture) -> Iterator[Finding]:
    """Local rate limits without ``filter_enabled`` or ``filter_enforced``: they let all through.

    Each is 0% where nothing is said. A 0% that is written down is what somebody wants.
    https://www.envoyproxy.io/docs/envoy/latest/configuration/http/http_filters/local_rate_limit_filter
    """
    for node in picture.nodes:
        for manager in managers(node.pushed):
            for path, each in manager.filters():
                config = each.get("typed_config", {})
                missing = [key for key in _SWITCHES if key not in config]
                if missing and is_a(config, _RATE_LIMIT) and "token_bucket" in config:
                    yield Finding(
                        node.name,
                        f"filter {each.get('name')!r} of listener {manager.pushed.name!r} limits "
                        "nothing",
                        (f"{' and '.join(missing)} not given, which is 0% of the requests",),
                        manager.pushed.place_of(path),
                        f"give {' and '.join(missing)} a default_value of 100%",
                    )


_SWITCHES = ("filter_enabled", "filter_enforced")
