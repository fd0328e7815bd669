"""Tokens that Envoy looks at: ``jwt_authn`` as a pattern of ours.

Where requirements are more than ours can say, the filter is taken as it is.
https://www.envoyproxy.io/docs/envoy/latest/api-v3/extensions/filters/http/jwt_authn/v3/config.proto
"""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

from mesh_patterns.importers.envoy import matches
from mesh_patterns.importers.envoy.clusters import Clusters
from mesh_patterns.importers.envoy.matches import Untold
from mesh_patterns.importers.envoy.message import Message
from mesh_patterns.importers.envoy.upstream_tls import found
from mesh_patterns.importers.envoy.values import file_of, inline
from mesh_yaml.node import Node

Made = dict[str, Any]


def pattern(message: Message, clusters: Clusters) -> Made | None:
    """A pattern ``jwt``; ``None`` where ours can't say it."""
    try:
        issuers = {
            name: _issuer(message.within(node), clusters)
            for name, node in message.entries("providers")
        }
        rules = [_rule(each, issuers) for each in message.parts("rules")]
    except Untold:
        return None
    message.ignore("@type", "bypass_cors_preflight")
    if message.unread or not issuers:
        return None
    return {"issuers": [*issuers.values()], "rules": [*rules, {"token": "none"}]}


def _issuer(provider: Message, clusters: Clusters) -> Made:
    issuer = provider.get("issuer")
    if issuer is None:
        raise Untold("a provider without an issuer")
    made: Made = {"issuer": issuer, **_keys(provider, clusters)}
    if audiences := provider.list("audiences"):
        made["audiences"] = list(audiences)
    sources = {
        "from_headers": {
            each.text("name"): each.text("value_prefix") for each in provider.parts("from_headers")
        },
        "from_params": list(provider.list("from_params")),
        "from_cookies": list(provider.list("from_cookies")),
        "claim_headers": dict(map(_claim, provider.parts("claim_to_headers"))),
    }
    made |= {name: value for name, value in sources.items() if value}
    if provider.flag("forward"):
        made["forward"] = True
    if header := provider.text("forward_payload_header"):
        made["payload_header"] = header
    if (skew := provider.get("clock_skew_seconds")) is not None:
        made["clock_skew"] = Node(f"{skew.text()}s", skew.place)
    provider.ignore("jwt_cache_config")
    if provider.unread:
        raise Untold(f"providers.{provider.unread[0]}")
    return made


def _claim(claim: Message) -> tuple[str, Node]:
    header, name = claim.text("header_name"), claim.get("claim_name")
    if name is None or claim.unread:
        raise Untold("a claim by its path")
    return header, name


def _keys(provider: Message, clusters: Clusters) -> Made:
    local, remote = provider.part("local_jwks"), provider.part("remote_jwks")
    if local is not None:
        text, file = inline(local), file_of(local)
        if text is not None:
            return {"jwks": text}
        if file is not None and found(file).is_file():
            return {"jwks_file": str(found(file))}
    uri = remote.part("http_uri") if remote is not None else None
    if remote is None or uri is None or (cluster := uri.get("cluster")) is None:
        raise Untold("no key set that can be read here")
    made: Made = {"service": clusters.find(cluster).service}
    made["path"] = urlsplit(uri.text("uri")).path or "/"
    if (time := uri.get("timeout")) is not None:
        made["timeout"] = time
    if (cache := remote.get("cache_duration")) is not None:
        made["cache"] = cache
    remote.rest("remote_jwks.")
    return {"jwks_from": made}


def _rule(rule: Message, issuers: dict[str, Made]) -> Made:
    asked = rule.part("match")
    about = matches.match(asked) if asked is not None else {}
    methods = about.pop("method", None)
    path = about.pop("path", None)
    if about:
        raise Untold("a rule about more than paths and methods")
    made: Made = {} if path is None else {"paths": [path]}
    if methods is not None:
        made["methods"] = [methods]
    made |= _requirement(rule.part("requires"), issuers)
    if rule.unread:
        raise Untold(f"rules.{rule.unread[0]}")
    return made


def _requirement(asked: Message | None, issuers: dict[str, Made]) -> Made:
    """Nothing is asked for where nothing is said."""
    if asked is None or not asked.node.value:
        return {"token": "none"}
    several = asked.part("requires_any")
    options = several.parts("requirements") if several is not None else [asked]
    names = []
    optional = False
    for option in options:
        if (name := option.get("provider_name")) is not None:
            names.append(issuers[name.text()]["issuer"] if name.text() in issuers else name)
        elif option.get("allow_missing") is not None:
            optional = True
        if option.unread:
            raise Untold(f"requires.{option.unread[0]}")
    if not names:
        raise Untold("a requirement that names no provider")
    return {"issuers": names} | ({"token": "optional"} if optional else {})
