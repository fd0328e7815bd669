"""Which requests a rule of an AuthorizationPolicy is about.

https://istio.io/latest/docs/reference/config/security/authorization-policy/#Rule
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from typing import Any

from mesh_patterns.exporters.services import Known
from mesh_patterns.model import CLIENT, INGRESS
from mesh_patterns.policy import ANYBODY, Access
from mesh_yaml.matching import StringMatch

Made = dict[str, Any]
Texts = tuple[StringMatch, ...]

_GATEWAY = "cluster.local/ns/istio-system/sa/istio-ingressgateway-service-account"
_TEMPLATE = re.compile(r"\{\*\*?\}")


class Unsayable(Exception):
    """That Istio has no words for a rule; its text says for what of it."""


def fit(access: Access) -> Access:
    """The same in forms that Istio has. Raises ``Unsayable``."""
    if access.tokens or access.claims:
        raise Unsayable("tokens")
    if access.names:
        raise Unsayable("principals that are no services")
    if access.server_names:
        raise Unsayable("server_names")
    return replace(
        access,
        principals=_people(access.principals),
        methods=_texts(access.methods),
        paths=_paths(access.paths),
        hosts=_texts(access.hosts),
        headers=tuple((name, _header(name, match)) for name, match in access.headers),
        none_of=fit(access.none_of) if access.none_of else None,
    )


def _people(principals: tuple[str, ...]) -> tuple[str, ...]:
    if any(_name(each) == CLIENT for each in principals):
        raise Unsayable("the client")
    if ANYBODY in principals:
        return (ANYBODY,)
    return tuple(sorted(dict.fromkeys(principals), key=_name))


def _name(principal: str) -> str:
    return principal.rpartition("/")[2]


def _texts(given: Texts) -> Texts:
    for match in given:
        text(match)
    return tuple(
        StringMatch("present") if match == StringMatch("prefix", "") else match for match in given
    )


def _paths(given: Texts) -> Texts:
    found: list[StringMatch] = []
    for match in given:
        if match.kind == "separated_prefix":
            found += [StringMatch("exact", match.text), StringMatch("prefix", f"{match.text}/")]
        else:
            found.append(match)
    for match in found:
        begins = match.kind == "suffix" or match.text.startswith("/")
        if _TEMPLATE.search(text(match)) or re.search("[?#]", match.text) or not begins:
            raise Unsayable("such a path")
    return tuple(found)


def _header(name: str, match: StringMatch) -> StringMatch:
    if "[" in name or "]" in name:
        raise Unsayable(f"the header {name!r}")
    plain = replace(match, invert=False)
    shown = text(plain)
    if not match.invert or match.kind == "present":
        return match
    literal = re.escape(shown.strip("*"))
    whole = f"{'.*' if shown.startswith('*') else ''}{literal}{'.*' if shown.endswith('*') else ''}"
    return StringMatch("regex", whole, invert=True)


def text(match: StringMatch) -> str:
    """``abc``, ``abc*``, ``*abc``, ``*``. Raises ``Unsayable``."""
    found = {
        "exact": match.text, "prefix": f"{match.text}*", "suffix": f"*{match.text}", "present": "*"
    }.get(match.kind)  # fmt: skip
    stars = {"exact": match.text, "prefix": match.text[:1], "suffix": match.text[-1:]}
    if found is None or match.invert or "*" in stars.get(match.kind, "") or not found:
        raise Unsayable("such a text")
    return found


def rule(access: Access, names: Mapping[str, Known]) -> Made:
    """A fitted access as a rule."""
    who: Made = {
        "principals": [_principal(each, names) for each in access.principals],
        "ipBlocks": list(access.ip_blocks), "remoteIpBlocks": list(access.remote_ip_blocks),
    }  # fmt: skip
    what: Made = {
        "methods": list(map(text, access.methods)), "paths": list(map(text, access.paths)),
        "hosts": list(map(text, access.hosts)),
    }  # fmt: skip
    others = access.none_of
    if others is not None:
        inner = rule(others, names)
        source = inner.get("from", [{}])[0].get("source", {})
        operation = inner.get("to", [{}])[0].get("operation", {})
        who |= {_not(name): found for name, found in source.items()}
        what |= {_not(name): found for name, found in operation.items()}
    made: Made = {}
    for part, element, given in (("from", "source", who), ("to", "operation", what)):
        said = {name: found for name, found in given.items() if found}
        if said:
            made[part] = [{element: said}]
    if access.headers:
        made["when"] = [_condition(name, match) for name, match in access.headers]
    return made


def _not(name: str) -> str:
    return f"not{name[0].upper()}{name[1:]}"


def _principal(principal: str, names: Mapping[str, Known]) -> str:
    if principal == ANYBODY:
        return "*"
    name = _name(principal)
    return _GATEWAY if name == INGRESS else names[name].principal


def _condition(name: str, match: StringMatch) -> Made:
    key = f"request.headers[{name}]"
    if not match.invert:
        return {"key": key, "values": [text(match)]}
    values = ["*"] if match.kind == "present" else [_of_expression(match.text)]
    return {"key": key, "notValues": values}


def _of_expression(whole: str) -> str:
    """The text that :func:`_header` made an expression of."""
    start, end = whole.startswith(".*"), whole.endswith(".*")
    literal = whole[2 * start : len(whole) - 2 * end]
    plain = re.sub(r"\\(.)", r"\1", literal)
    return f"{'*' if start else ''}{plain}{'*' if end else ''}"


def fitted(rules: Iterable[Access], tell: Callable[[str], None]) -> tuple[Access, ...]:
    """Those of the rules that can be said."""
    found = []
    for each in rules:
        try:
            found.append(fit(each))
        except Unsayable as what:
            tell(str(what))
    return tuple(found)
