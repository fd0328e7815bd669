"""Matches and settings of a rule in the words of a VirtualService."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from mesh_patterns.draft import (
    Fault,
    HeaderEdits,
    Match,
    Mirror,
    Redirect,
    Respond,
    Retries,
    Rewrite,
    Rule,
    Target,
)
from mesh_patterns.exporters.rules import duration
from mesh_patterns.exporters.services import Known
from mesh_patterns.importers.istio.settings import GRPC_STATUSES
from mesh_patterns.kinds.cors import Cors
from mesh_yaml.matching import StringMatch

Made = dict[str, Any]
Names = Mapping[str, Known]


def match(given: Match) -> Made:
    """https://istio.io/latest/docs/reference/config/networking/virtual-service/#HTTPMatchRequest"""
    parts = {
        "uri": given.path, "method": given.method, "authority": given.authority,
        "scheme": given.scheme,
    }  # fmt: skip
    made: Made = {name: text(found) for name, found in parts.items() if found is not None}
    wanted = {name: text(found) for name, found in given.headers if not found.invert}
    unwanted = {name: text(found) for name, found in given.headers if found.invert}
    query = {name: text(found) for name, found in given.query}
    fields = {"headers": wanted, "withoutHeaders": unwanted, "queryParams": query}
    made |= {name: found for name, found in fields.items() if found}
    return made | ({"ignoreUriCase": True} if given.ignore_case else {})


def text(given: StringMatch) -> Made:
    """A StringMatch; an empty one is for whatever is there."""
    return {} if given.kind == "present" else {given.kind: given.text}


def destination(target: Target, names: Names) -> Made:
    """A version is a subset of its name."""
    made: Made = {"host": names[target.service].host}
    return made | ({"subset": target.version} if target.version else {})


def written(rule: Rule, names: Names) -> Made:
    """All settings of a rule."""
    made: Made = {}
    for name, placed in rule.settings.items():
        if name == "mirror":
            made["mirrors"] = [_mirror(each, names) for each in placed.value]
        elif name == "timeout":
            made["timeout"] = duration(placed.value)
        else:
            theirs, write = _WRITERS[name]
            made[theirs] = write(placed.value)
    return made


def _mirror(value: Mirror, names: Names) -> Made:
    return {
        "destination": destination(value.target, names), "percentage": {"value": value.percent}
    }  # fmt: skip


def _retries(value: Retries) -> Made:
    made: Made = {"attempts": value.attempts}
    if value.per_try_timeout is not None:
        made["perTryTimeout"] = duration(value.per_try_timeout)
    made["retryOn"] = ",".join(value.retry_on)
    if value.backoff is not None:
        made["backoff"] = duration(value.backoff[0])
    return made


def _fault(value: Fault) -> Made:
    made: Made = {}
    if value.delay is not None:
        share = {"percentage": {"value": value.delay_percent}}
        made["delay"] = {"fixedDelay": duration(value.delay), **share}
    share = {"percentage": {"value": value.abort_percent}}
    if value.abort_status is not None:
        made["abort"] = {"httpStatus": value.abort_status, **share}
    elif value.abort_grpc_status is not None:
        made["abort"] = {"grpcStatus": GRPC_STATUSES[value.abort_grpc_status], **share}
    return made


def headers(value: HeaderEdits) -> Made:
    """Fields set, added and removed, both ways."""
    made: Made = {}
    for way in ("request", "response"):
        edits: Made = {
            action: dict(found)
            for action in ("set", "add")
            if (found := getattr(value, f"{action}_{way}"))
        }
        if removed := getattr(value, f"remove_{way}"):
            edits["remove"] = list(removed)
        if edits:
            made[way] = edits
    return made


def _rewrite(value: Rewrite) -> Made:
    made: Made = {}
    if value.path is not None:
        made["uri"] = value.path
    if value.regex is not None:
        made["uriRegexRewrite"] = {"match": value.regex[0], "rewrite": value.regex[1]}
    if value.authority is not None:
        made["authority"] = value.authority
    return made


def _redirect(value: Redirect) -> Made:
    given = {
        "uri": value.path, "authority": value.authority, "port": value.port,
        "scheme": value.scheme, "redirectCode": value.status,
    }  # fmt: skip
    return {name: found for name, found in given.items() if found is not None}


def _respond(value: Respond) -> Made:
    body = {"body": {"string": value.body}} if value.body else {}
    return {"status": value.status, **body}


def _cors(value: Cors) -> Made:
    made: Made = {"allowOrigins": [text(each) for each in value.origins]}
    lists = {
        "allowMethods": value.methods, "allowHeaders": value.headers, "exposeHeaders": value.expose
    }  # fmt: skip
    made |= {name: list(found) for name, found in lists.items() if found}
    if value.max_age is not None:
        made["maxAge"] = duration(value.max_age)
    return made | ({"allowCredentials": True} if value.credentials else {})


_WRITERS: Mapping[str, tuple[str, Callable[[Any], Made]]] = {
    "retries": ("retries", _retries), "fault": ("fault", _fault), "headers": ("headers", headers),
    "rewrite": ("rewrite", _rewrite), "redirect": ("redirect", _redirect),
    "respond": ("directResponse", _respond), "cors": ("corsPolicy", _cors),
}  # fmt: skip
