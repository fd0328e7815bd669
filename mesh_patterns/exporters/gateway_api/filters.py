"""filters of an HTTPRoute, and references to Services.

https://gateway-api.sigs.k8s.io/reference/spec/#httproutefilter
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from mesh_patterns.draft import HeaderEdits, Match, Mirror, Redirect, Rewrite, Rule, Target
from mesh_patterns.exporters import versions
from mesh_patterns.exporters.services import Known
from mesh_patterns.kinds.cors import ANY, Cors

Made = dict[str, Any]


def backend(target: Target, known: Known, names: dict[str, Known]) -> Made:
    """A Service by its name, in its namespace where that is another."""
    name, namespace = versions.name_of(target, names)
    far = {} if namespace == known.namespace else {"namespace": namespace}
    return {"name": name, **far, "port": 80}


def written(rule: Rule, known: Known, names: dict[str, Known]) -> list[Made]:
    """All that a rule does besides leading somewhere."""
    found: list[Made] = []
    for name, placed in rule.settings.items():
        value = placed.value
        if name == "headers":
            found += headers(value)
        elif name == "redirect":
            found.append({"type": "RequestRedirect", "requestRedirect": _redirect(value)})
        elif name == "rewrite":
            found.append({"type": "URLRewrite", "urlRewrite": _rewrite(value, rule.match)})
        elif name == "mirror":
            found += [_mirror(each, known, names) for each in value]
        elif name == "cors":
            found.append({"type": "CORS", "cors": _cors(value)})
    return found


def headers(edits: HeaderEdits) -> Iterator[Made]:
    """One filter for each way."""
    for way, kind in (("request", "Request"), ("response", "Response")):
        made: Made = {
            action: [{"name": name, "value": value} for name, value in found]
            for action in ("set", "add")
            if (found := getattr(edits, f"{action}_{way}"))
        }
        if removed := getattr(edits, f"remove_{way}"):
            made["remove"] = list(removed)
        if made:
            yield {"type": f"{kind}HeaderModifier", f"{way}HeaderModifier": made}


def _redirect(value: Redirect) -> Made:
    given = {"scheme": value.scheme, "hostname": value.authority, "port": value.port}
    made: Made = {name: found for name, found in given.items() if found is not None}
    if value.path is not None:
        made["path"] = {"type": "ReplaceFullPath", "replaceFullPath": value.path}
    elif value.prefix is not None:
        made["path"] = {"type": "ReplacePrefixMatch", "replacePrefixMatch": value.prefix}
    return made | {"statusCode": value.status}


def _rewrite(value: Rewrite, match: Match) -> Made:
    made: Made = {"hostname": value.authority} if value.authority is not None else {}
    if value.regex is not None:
        full = value.regex[1].replace("\\\\", "\\")
        made["path"] = {"type": "ReplaceFullPath", "replaceFullPath": full}
    elif value.path is not None:
        made["path"] = {"type": "ReplacePrefixMatch", "replacePrefixMatch": value.path}
    return made


def _mirror(value: Mirror, known: Known, names: dict[str, Known]) -> Made:
    made: Made = {"backendRef": backend(value.target, known, names)}
    if value.percent == int(value.percent):
        made["percent"] = int(value.percent)
    else:
        top = round(value.percent * 10_000)
        made["fraction"] = {"numerator": top, "denominator": 1_000_000}
    return {"type": "RequestMirror", "requestMirror": made}


def _cors(value: Cors) -> Made:
    made: Made = {"allowOrigins": ["*" if each == ANY else each.text for each in value.origins]}
    lists = {
        "allowMethods": value.methods, "allowHeaders": value.headers, "exposeHeaders": value.expose
    }  # fmt: skip
    made |= {name: list(found) for name, found in lists.items() if found}
    if value.credentials:
        made["allowCredentials"] = True
    if value.max_age is not None:
        made["maxAge"] = round(value.max_age.total_seconds())
    return made
