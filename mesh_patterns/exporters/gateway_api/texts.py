"""What of a rule an HTTPRoute can say: matches and filters, one by one."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import timedelta
from typing import Any

from mesh_patterns.draft import (
    HeaderEdits,
    Match,
    Mirror,
    Placed,
    Redirect,
    Respond,
    Retries,
    Rewrite,
    Rule,
)
from mesh_patterns.exporters import versions
from mesh_patterns.exporters.losses import Losses
from mesh_patterns.exporters.rules import Words
from mesh_patterns.exporters.services import Known
from mesh_patterns.importers.gateway_api.rules import RETRY_ON
from mesh_patterns.kinds.cors import ANY, Cors

WORDS = Words(
    path=frozenset({"exact", "separated_prefix", "regex"}), method=frozenset({"exact"}),
    headers=frozenset({"exact", "regex"}), query=frozenset({"exact", "regex"}),
    settings=frozenset(
        {"timeout", "retries", "mirror", "headers", "rewrite", "redirect", "respond", "cors"}
    ),
)  # fmt: skip
WHOLE = "^.*$"  # as an import has a path that is replaced whole
_ANSWERED = frozenset({"redirect", "headers", "cors"})  # what a redirect goes with
_HOST = re.compile(r"[a-z0-9]([a-z0-9-]*[a-z0-9])?(\.[a-z0-9]([a-z0-9-]*[a-z0-9])?)*")
_METHOD = re.compile("GET|HEAD|POST|PUT|DELETE|CONNECT|OPTIONS|TRACE|PATCH")
_ORIGIN = re.compile(r"[a-zA-Z][a-zA-Z0-9+\-.]+://[^:/?#*]+(:\d{1,5})?")
_CLASSES = {"5xx": (500, 502, 503, 504), "gateway-error": (502, 503, 504)}
_AGE = timedelta(seconds=5)  # how long a browser keeps a preflight where nothing is said
_SHORTEST = timedelta(milliseconds=1)
_LONGEST = timedelta(seconds=99999)


class _Unsayable(Exception):
    """That a rule can't be written; its text says what of it."""


def fit_rule(
    rule: Rule, before: Rule, names: Mapping[str, Known], losses: Losses
) -> Iterator[Rule]:
    """The rule with what is left of its settings; none, told, where its answer can't be said.
    ``before`` is how it was with its match as it was written.
    """
    try:
        settings = dict(_settings(rule, before, dict(names), losses))
    except _Unsayable as what:
        losses.lost(f"a rule with {what}", rule.place)
        return
    split = tuple(
        replace(share, headers=_lower(share.headers)) if share.headers else share
        for share in rule.split
    )
    yield replace(rule, settings=settings, split=split)


def _settings(
    rule: Rule, before: Rule, names: dict[str, Known], losses: Losses
) -> Iterator[tuple[str, Placed[Any]]]:
    if rule.match.method and not _METHOD.fullmatch(rule.match.method.text):
        raise _Unsayable("such a method")
    answered = "redirect" in rule.settings
    for name, placed in rule.settings.items():
        if answered and name not in _ANSWERED:
            losses.lost(f"{name} of a redirect", placed.place)
            continue
        value = _fitted(name, placed, rule, before, names, losses)
        if value is not None:
            yield name, Placed(value, placed.place)
        elif placed.place not in losses.places():
            losses.changed(f"{name} that says nothing: left out", placed.place)


def _fitted(
    name: str, placed: Placed[Any], rule: Rule, before: Rule, names: dict[str, Known],
    losses: Losses,
) -> Any:  # fmt: skip
    value = placed.value
    if name == "timeout":
        return _time(value, placed, losses)
    if name == "retries":
        return _retries(value, placed, rule, losses)
    if name == "rewrite":
        return _rewrite(value, placed, rule.match, before.match, losses)
    if name == "redirect":
        return _redirect(value, rule.match)
    if name == "respond":
        return _respond(value)
    if name == "headers":
        return _lower(value)
    if name == "mirror":
        return tuple(_mirror(each, names) for each in value)
    return _cors(value, placed, losses)


def _time(value: timedelta, placed: Placed[Any], losses: Losses) -> timedelta | None:
    """Whole milliseconds; none where it says that there is none."""
    whole = timedelta(milliseconds=round(value / _SHORTEST))
    if value and (whole != value or whole > _LONGEST):
        losses.changed("a time is in whole milliseconds, of a day at most", placed.place)
    return min(whole, _LONGEST) if whole else None


def _retries(value: Retries, placed: Placed[Any], rule: Rule, losses: Losses) -> Retries:
    codes = [int(each) for each in value.retry_on if each.isdigit()]
    codes += [code for each in value.retry_on for code in _CLASSES.get(each, ())]
    known = tuple(dict.fromkeys(str(code) for code in codes if code >= 400))
    on = (*RETRY_ON, *known)
    if set(on) != set(value.retry_on):
        losses.changed(f"retries are on {', '.join(on)} there", placed.place)
    if value.other_hosts or value.other_priorities:
        losses.lost("retries at other hosts", placed.place)
    each = _time(value.per_try_timeout, placed, losses) if value.per_try_timeout else None
    whole = rule.settings.get("timeout")
    if each and whole and whole.value and each > whole.value:
        losses.lost("a try that may last longer than all of it", placed.place)
        each = None
    backoff = _time(value.backoff[0], placed, losses) if value.backoff else None
    if value.backoff and value.backoff[1] != value.backoff[0] * 10:
        losses.lost("the longest backoff, which is ten times the first", placed.place)
    return Retries(value.attempts, on, each, (backoff, backoff * 10) if backoff else None)


def _rewrite(
    value: Rewrite, placed: Placed[Any], match: Match, before: Match, losses: Losses
) -> Rewrite | None:
    host = value.authority
    if host is not None and not _HOST.fullmatch(host):
        losses.lost("a rewrite to such a host", placed.place)
        host = None
    path, regex = value.path, value.regex
    if regex is not None:
        plain = "\\" not in regex[1].replace("\\\\", "")
        if regex[0] not in (WHOLE, ".*") or not plain or not regex[1].startswith("/"):
            losses.lost("a rewrite by an expression", placed.place)
            regex = None
        else:
            regex = (WHOLE, regex[1])
    elif path is not None:
        path, regex = _path(path, match, before, placed, losses)
    return Rewrite(path, regex, host) if path or regex or host else None


def _path(
    path: str, match: Match, before: Match, placed: Placed[Any], losses: Losses
) -> tuple[str | None, tuple[str, str] | None]:
    """What stands instead of a prefix, or instead of the whole path."""
    kind = before.path.kind if before.path else ""
    if kind == "prefix" and match.path is not None:
        losses.lost("a rewrite of a prefix that ends within a segment", placed.place)
        return None, None
    if match.path is not None and match.path.kind != "separated_prefix":
        return None, (WHOLE, path.replace("\\", "\\\\"))
    if match.path is None and not path.endswith("/"):
        losses.lost("a rewrite of / to what has no / at its end", placed.place)
        return None, None
    return prefixed(path, match), None


def prefixed(path: str, match: Match) -> str:
    """What stands instead of a prefix, as an import has it."""
    bare = path.rstrip("/")
    return f"{bare}/" if match.path is None or not bare else bare


def _redirect(value: Redirect, match: Match) -> Redirect:
    own = {"http": 80, "https": 443}.get(value.scheme or "")
    fitted = replace(value, port=None if value.port == own else value.port)
    if value.scheme not in (None, "http", "https"):
        raise _Unsayable("a redirect to such a scheme")
    if value.authority is not None and not _HOST.fullmatch(value.authority):
        raise _Unsayable("a redirect to such a host")
    if value.prefix is not None:
        if match.path is not None and match.path.kind != "separated_prefix":
            raise _Unsayable("a redirect by a prefix that it does not match")
        fitted = replace(fitted, prefix=prefixed(value.prefix, match))
    said = fitted.path or fitted.prefix or fitted.authority or fitted.scheme or fitted.port
    if not said or fitted.path == "":
        raise _Unsayable("a redirect to nowhere")
    return fitted


def _respond(value: Respond) -> Respond:
    """A rule that leads nowhere is answered with 500; no other answer can be said."""
    if value != Respond(500):
        raise _Unsayable("an answer of its own")
    return value


def _lower(edits: HeaderEdits) -> HeaderEdits:
    """Names in small letters, each once."""
    lists = ("set_request", "add_request", "set_response", "add_response")
    made: dict[str, Any] = {}
    for name in lists:
        fields: dict[str, str] = {}
        for field, text in getattr(edits, name):
            fields.setdefault(field.lower(), text)
        made[name] = tuple(fields.items())
    if any(field == "host" or field.startswith(":") for each in made.values() for field, _ in each):
        raise _Unsayable("an edit of the Host as a header")
    return replace(edits, **made)


def _mirror(value: Mirror, names: dict[str, Known]) -> Mirror:
    return replace(value, target=versions.whole_target(value.target, names))


def _cors(value: Cors, placed: Placed[Any], losses: Losses) -> Cors | None:
    plain = [
        each == ANY or (each.kind == "exact" and _ORIGIN.fullmatch(each.text))
        for each in value.origins
    ]
    if not all(plain):
        losses.lost("cors of such origins", placed.place)
        return None
    age = _AGE if value.max_age is None else timedelta(seconds=round(value.max_age.total_seconds()))
    if age < timedelta(seconds=1):
        losses.changed("max_age: a second at least", placed.place)
        age = timedelta(seconds=1)
    return replace(value, max_age=age)
