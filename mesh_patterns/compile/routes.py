"""Route configurations: which cluster a request goes to, and how patient Envoy is with it."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Any

from mesh_patterns.compile import filters, load_balancing, retry_policy
from mesh_patterns.compile.entry import Entry, Host, Row, local_cluster
from mesh_patterns.compile.values import (
    as_regex,
    by_chance,
    flagged,
    fractional,
    header_matcher,
    header_options,
    regex,
    string_matcher,
)
from mesh_patterns.draft import (
    HeaderEdits,
    Match,
    Mirror,
    Redirect,
    Respond,
    Rewrite,
    Target,
)
from mesh_yaml.matching import StringMatch
from xds_server.protos import core, matcher, protobuf, route
from xds_server.resource import Resource

_NO_TIMEOUT = timedelta(0)
_DEFAULT, _HIGH = core.RoutingPriority.DEFAULT, core.RoutingPriority.HIGH
_CODES = {
    301: route.RedirectActionRedirectResponseCode.MOVED_PERMANENTLY,
    302: route.RedirectActionRedirectResponseCode.FOUND,
    303: route.RedirectActionRedirectResponseCode.SEE_OTHER,
    307: route.RedirectActionRedirectResponseCode.TEMPORARY_REDIRECT,
    308: route.RedirectActionRedirectResponseCode.PERMANENT_REDIRECT,
}


def route_resource(entry: Entry) -> Resource:
    """The route table of a listener, each virtual host and route with its line."""
    origins = {"": str(entry.place)}
    if entry.instance:
        hosts = [_inbound(entry)]
        last = len(hosts[0].routes) - 1
        said = f"virtual_hosts[0].routes[{last}].typed_per_filter_config"
        heard = filters.at_instance(entry)
        lines = {each.name: str(each.place) for each in entry.filters if each.name in heard}
        origins |= {f"{said}.{name}": line for name, line in lines.items()}
    else:
        hosts = [_virtual_host(host) for host in entry.hosts]
        for i, host in enumerate(entry.hosts):
            origins |= origins_of(f"virtual_hosts[{i}]", host)
    if any(each.tls.redirect for each in entry.secure):
        for each in hosts:
            each.require_tls = route.VirtualHostTlsRequirementType.ALL
    message = route.RouteConfiguration(name=entry.name, virtual_hosts=hosts)
    return Resource.of(message, origins=origins)


def origins_of(prefix: str, host: Host) -> dict[str, str]:
    """The lines of a virtual host's parts: what a NACK or an explanation points at."""
    found = {prefix: str(host.place)}
    fields = {
        "timeout": "route.timeout",
        "retries": "route.retry_policy",
        "load_balancing": "route.hash_policy",
    }
    for j, row in enumerate(host.rows):
        at = f"{prefix}.routes[{j}]"
        found[at] = str(row.rule.place)
        split = row.split()
        if split:
            found[f"{at}.route.weighted_clusters"] = str(split[0].place)
            for k, weighted in enumerate(split):
                found[f"{at}.route.weighted_clusters.clusters[{k}]"] = str(weighted.place)
        for each in row.filters:
            found[f"{at}.typed_per_filter_config.{each.name}"] = str(each.place)
        for name, field in fields.items():
            placed = row.edge.setting(row.rule, name)
            if placed:
                found[f"{at}.{field}"] = str(placed.place)
    return found


def _inbound(entry: Entry) -> route.VirtualHost:
    assert entry.instance is not None
    action = route.RouteAction(cluster=local_cluster(entry.instance), timeout=_NO_TIMEOUT)
    said = filters.at_instance(entry)
    routes = [
        route.Route(
            name=f"workload.{i}",
            match=route_match(Match(path=path)),
            route=action,
            typed_per_filter_config={**said, **other},
        )
        for i, (path, other) in enumerate(filters.exceptions(entry).items())
    ]
    everything = route.Route(
        name="workload",
        match=route.RouteMatch(prefix="/"),
        route=action,
        typed_per_filter_config=dict(said),
    )
    routes.append(everything)
    return route.VirtualHost(name=entry.instance.service, domains=["*"], routes=routes)


def _virtual_host(host: Host) -> route.VirtualHost:
    return route.VirtualHost(
        name=host.name,
        domains=list(host.domains),
        routes=[_route(f"{host.name}.{i}", row) for i, row in enumerate(host.rows)],
        include_request_attempt_count=True,
    )


def _route(name: str, row: Row) -> route.Route:
    """One row; Envoy looks at them in order and takes the first that matches."""
    answer: dict[str, Any] = _answer(row)
    return route.Route(
        name=name,
        match=route_match(row.rule.match),
        typed_per_filter_config=_per_filter(row),
        **_edits(row.edge.value(row.rule, "headers")),
        **answer,
    )


def _edits(edits: HeaderEdits | None) -> dict[str, Any]:
    if edits is None:
        return {}
    return {
        "request_headers_to_add": header_options(edits.set_request, edits.add_request),
        "request_headers_to_remove": list(edits.remove_request),
        "response_headers_to_add": header_options(edits.set_response, edits.add_response),
        "response_headers_to_remove": list(edits.remove_response),
    }


def _answer(row: Row) -> dict[str, Any]:
    redirect, respond = (row.edge.value(row.rule, name) for name in ("redirect", "respond"))
    if isinstance(redirect, Redirect):
        return {"redirect": _redirect(redirect, row.rule.match)}
    if isinstance(respond, Respond):
        body = core.DataSource(inline_string=respond.body) if respond.body else None
        return {"direct_response": route.DirectResponseAction(status=respond.status, body=body)}
    return {"route": _action(row)}


def _per_filter(row: Row) -> dict[str, protobuf.Any]:
    found = {each.name: filters.on_edge(each) for each in row.filters}
    own = row.rule.settings
    told = (kind for kind in filters.OF_RULES if kind in own)
    return found | {filters.OF_RULES[kind]: filters.of_rule(kind, own[kind].value) for kind in told}


def _action(row: Row) -> route.RouteAction:
    retries, mirrors, rewrite, timeout = (
        row.edge.value(row.rule, name) for name in ("retries", "mirror", "rewrite", "timeout")
    )
    return route.RouteAction(
        **destination(row),
        timeout=_NO_TIMEOUT if timeout is None else timeout,
        retry_policy=retry_policy.message(retries) if retries else None,
        request_mirror_policies=[_mirror(each, row.cluster(each.target)) for each in mirrors or ()],
        hash_policy=[load_balancing.hash_policy(key) for key in row.hash_keys()],
        **_own_name(row),
        priority=_HIGH if row.rule.value("priority") else _DEFAULT,
        **(_rewrite(rewrite, row.rule.match) if rewrite else {}),
    )


def _own_name(row: Row) -> dict[str, Any]:
    """Who is out of the mesh knows itself by its own name, whatever its callers call it."""
    edge, mesh = row.edge, row.draft.mesh
    found = mesh.services[edge.callee].external
    if found is None or not found.authority or row.split():
        return {}
    return (
        {}
        if mesh.through_egress(edge.caller, edge.callee)
        else {"host_rewrite_literal": found.authority}
    )


def destination(row: Row) -> dict[str, Any]:
    """Where it goes. Whom a hash keeps at one host, it keeps at one version as well."""
    split = row.split()
    if not split:
        return {"cluster": row.cluster(Target(row.edge.callee))}
    if len(split) == 1 and not split[0].headers:
        return {"cluster": row.cluster(split[0].target)}
    clusters = [
        route.WeightedClusterClusterWeight(
            name=row.cluster(each.target), weight=each.weight, **_edits(each.headers)
        )
        for each in split
    ]
    sticky = True if row.hash_keys() else None
    return {"weighted_clusters": route.WeightedCluster(clusters=clusters, use_hash_policy=sticky)}


def _mirror(mirror: Mirror, cluster: str) -> route.RouteActionRequestMirrorPolicy:
    fraction = core.RuntimeFractionalPercent(default_value=fractional(mirror.percent))
    return route.RouteActionRequestMirrorPolicy(cluster=cluster, runtime_fraction=fraction)


def _rewrite(rewrite: Rewrite, match: Match) -> dict[str, Any]:
    """Envoy swaps the prefix that matched; an exact path or an expression is swapped whole."""
    found: dict[str, Any] = {}
    if rewrite.authority:
        found["host_rewrite_literal"] = rewrite.authority
    kind = match.path.kind if match.path else "prefix"
    if rewrite.regex:
        found["regex_rewrite"] = _substitute(*rewrite.regex)
    elif rewrite.path is not None and kind in ("regex", "suffix", "contains"):
        found["regex_rewrite"] = _substitute("^.*$", _literal(rewrite.path))
    elif rewrite.path is not None and _swallows(match, rewrite.path):
        found["regex_rewrite"] = _without_slash(match, rewrite.path)
    elif rewrite.path is not None:
        found["prefix_rewrite"] = rewrite.path
    return found


def _swallows(match: Match, path: str) -> bool:
    """Whether Envoy would leave a slash too many: with ``/`` for ``/v2``, /v2/x would become //x"""
    return bool(match.path and match.path.kind == "separated_prefix" and path.endswith("/"))


def _without_slash(match: Match, path: str) -> matcher.RegexMatchAndSubstitute:
    prefix = match.path.text if match.path else ""
    whole = flagged(f"^{re.escape(prefix)}/?", match.ignore_case)
    return _substitute(whole, _literal(path))


def _literal(path: str) -> str:
    """A backslash would point at a group of the expression."""
    return path.replace("\\", "\\\\")


def _substitute(pattern: str, substitution: str) -> matcher.RegexMatchAndSubstitute:
    return matcher.RegexMatchAndSubstitute(pattern=regex(pattern), substitution=substitution)


def _redirect(redirect: Redirect, match: Match) -> route.RedirectAction:
    ways: dict[str, Any] = {
        "host_redirect": redirect.authority,
        "port_redirect": redirect.port,
        "scheme_redirect": redirect.scheme,
        "path_redirect": redirect.path,
        "prefix_rewrite": redirect.prefix,
    }
    given = {name: value for name, value in ways.items() if value is not None}
    if redirect.prefix is not None and _swallows(match, redirect.prefix):
        given["regex_rewrite"] = _without_slash(match, given.pop("prefix_rewrite"))
    return route.RedirectAction(response_code=_CODES[redirect.status], **given)


def route_match(match: Match) -> route.RouteMatch:
    """A rule's match; method, authority and scheme are pseudo-headers to Envoy."""
    pseudo = [(":method", match.method), (":authority", match.authority), (":scheme", match.scheme)]
    headers = [header_matcher(name, found) for name, found in pseudo if found]
    headers += [header_matcher(name, found) for name, found in match.headers]
    return route.RouteMatch(
        **_path(match.path, match.ignore_case),
        case_sensitive=False if match.ignore_case else None,
        headers=headers,
        query_parameters=[_query(name, found) for name, found in match.query],
        runtime_fraction=None if match.percent is None else by_chance(match.percent),
    )


def _path(match: StringMatch | None, ignore_case: bool) -> dict[str, Any]:
    if match is None:
        return {"prefix": "/"}
    if match.kind == "exact":
        return {"path": match.text}
    if match.kind == "prefix":
        return {"prefix": match.text}
    if match.kind == "separated_prefix":
        return {"path_separated_prefix": match.text}
    return {"safe_regex": regex(as_regex(match, ignore_case=ignore_case))}


def _query(name: str, match: StringMatch) -> route.QueryParameterMatcher:
    if match.kind == "present":
        return route.QueryParameterMatcher(name=name, present_match=not match.invert)
    return route.QueryParameterMatcher(name=name, string_match=string_matcher(match))
