"""What of a rule Istio can say besides its match: its settings, one by one."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from typing import Any

from mesh_patterns.draft import Fault, HeaderEdits, Placed, Redirect, Retries, Rule
from mesh_patterns.exporters.losses import Losses
from mesh_patterns.exporters.rules import fit_text
from mesh_patterns.kinds.cors import ANY, Cors
from mesh_yaml.matching import StringMatch

_HOSTS = frozenset({"host", ":authority"})
_PORTS = {"https": 443}
_ORIGINS = frozenset({"exact", "prefix", "regex"})


def fit_rule(rule: Rule, losses: Losses) -> Iterator[Rule]:
    """The rule with what is left of its settings; none, told, where its answer can't be said."""
    settings: dict[str, Placed[Any]] = {}
    for name, placed in rule.settings.items():
        fit = _FITS.get(name)
        value = fit(placed, losses) if fit else placed.value
        if value is None and name == "redirect":
            losses.lost("a rule with such a redirect", rule.place)
            return
        if value is not None:
            settings[name] = Placed(value, placed.place)
    for share in rule.split:
        if share.headers is not None:
            _headers(Placed(share.headers, share.place), losses)
    yield replace(rule, settings=settings)


def _fault(placed: Placed[Any], losses: Losses) -> Fault | None:
    value: Fault = placed.value
    plain = replace(value, response_kib=None, by_header=False, max_active=None, headers=())
    if plain != value:
        what = "a fault's response_rate_limit, by_header or max_active"
        losses.lost(what, placed.place)
    some = plain.delay or plain.abort_status is not None or plain.abort_grpc_status is not None
    return plain if some else None


def _retries(placed: Placed[Any], losses: Losses) -> Retries:
    value: Retries = placed.value
    if value.other_hosts or value.other_priorities:
        losses.lost("retries at other hosts", placed.place)
    backoff = value.backoff
    if backoff and backoff[1] != backoff[0] * 10:
        losses.lost("the longest backoff, which is ten times the first", placed.place)
        backoff = (backoff[0], backoff[0] * 10)
    return replace(value, backoff=backoff, other_hosts=False, other_priorities=False)


def _redirect(placed: Placed[Any], losses: Losses) -> Redirect | None:
    value: Redirect = placed.value
    own = _PORTS.get(value.scheme or "", 80)
    fitted = replace(value, port=None if value.port == own else value.port)
    somewhere = fitted.path or fitted.authority or fitted.scheme or fitted.port
    return fitted if somewhere and fitted.prefix is None and fitted.path != "" else None


def _headers(placed: Placed[Any], losses: Losses) -> HeaderEdits | None:
    value: HeaderEdits = placed.value
    fields = (
        *value.set_request, *value.add_request, *value.set_response, *value.add_response
    )  # fmt: skip
    if any("%" in text for _, text in fields):
        losses.changed("'%' in a header's value begins a command in Istio", placed.place)
    if any(name.lower() in _HOSTS or name.startswith(":") for name, _ in fields):
        losses.lost("an edit of the Host as a header", placed.place)
        return None
    return value


def _cors(placed: Placed[Any], losses: Losses) -> Cors:
    value: Cors = placed.value
    origins = tuple(map(_origin, value.origins))
    if value.credentials and ANY in origins:
        named = StringMatch("regex", "(?:.*)")  # with credentials a bare * is refused
        origins = tuple(named if each == ANY else each for each in origins)
    return replace(value, origins=origins)


def _origin(match: StringMatch) -> StringMatch:
    return fit_text(match, _ORIGINS, False) or match


_FITS: Mapping[str, Callable[[Placed[Any], Losses], Any]] = {
    "fault": _fault, "retries": _retries, "redirect": _redirect, "headers": _headers,
    "cors": _cors,
}  # fmt: skip
