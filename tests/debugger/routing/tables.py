"""Route tables and requests that hypothesis makes: from few words, so that they often meet."""

from __future__ import annotations

import warnings
from typing import Any

from hypothesis import strategies as st

from mesh_traffic import Headers, Request
from tests.debugger.routing.oracle import CLUSTERS, Table
from xds_server.mirror import any_of, class_of
from xds_server.protos import core, envoy_type, matcher, route

TEMPLATE = "type.googleapis.com/envoy.extensions.path.match.uri_template.v3.UriTemplateMatchConfig"

SEGMENTS = [
    "a",
    "b",
    "A",
    "%61",
    "a;v=1",
    "a.b",
    "..",
    ".",
    "",
    "..;x",
    "%2F",
    "%5c",
    "a%2fb",
    "a\\b",
]
SEGMENTS += ["{a}", "a|b", "%zz", "%2e%2E", "~%7E", "-", "a:b", "a=b", "%20", "a,b", "@", "%C3%A9"]
PLAIN = ["a", "b", "A", "ab", "a.b", "a;v=1", "", "%61"]
QUERIES = [
    "",
    "?",
    "?a=1",
    "?a",
    "?a=1&a=2",
    "?b=2&a=1",
    "?a=%31",
    "?a=B",
    "?A=1",
    "?a==1",
    "?;a=1",
]
QUERIES += ["?/../a=1", "?a=1;b", "?x//y&a=ab", "#a", "?a=1#b"]
HOSTS = ["a", "a.b", "x.a.b", "A.B", "y.x.a.b", "b", "b.c", "b.c.d", "a:80", "a.b:8080", "[::1]"]
HOSTS += ["[::1]:80", "a.b.", "a.b.:80", "a:", "a:x", "xa.b", ".a.b", "c", "127.0.0.1:9080"]
DOMAINS = ["a", "a.b", "A.B", "*.a.b", "*a.b", "*.b", "b.*", "b.c.*", "a:80", "a.b:8080", "a:*"]
DOMAINS += ["[::1]", "[::1]:80", "*:80", "x.A.b", "a.b.", "*.x.a.b", "c", "127.0.0.1:*"]
NAMES = ["x-a", "x-b", "X-A", "accept", "user-agent", "content-type", "x-forwarded-for"]
NAMES += ["te", "x-envoy-retry-on", "x-forwarded-proto", "connection", "x-request-id", "cookie"]
MATCHED = [*NAMES, ":method", ":path", ":authority", ":scheme", "host", "x-envoy-internal"]
VALUES = ["a", "b", "A", "ab", "a,b", "", "1", "-1", "10", "+5", "007", "1.0", "é", "É", "b a"]
VALUES += ["application/grpc", "application/grpc+proto", "application/grpcx", "GET", "POST", "http"]
VALUES += ["https", "trailers", "upgrade", "red", "99999999999999999999", "/a", "a=1; b=2"]
COOKIES = ["a=1", "a=1; b=2", "b=2; a=1", 'a="1"', "a", "a=2; a=1", " a=1", "b=2;a=ab", "a=1=2"]
REGEXES = ["a", ".*", "a.*", "/a.*", "/[ab]+", "[^/]*", "(a|ab)", "a|b", ".", "..", "/.*/a"]
REGEXES += ["(?i)a", r"\d+", r"\w+", ".*b", r"/a(/.*)?", "é", "[[:alpha:]]"]
TEMPLATES = ["/a", "/*", "/**", "/a/*", "/a/**", "/{x}", "/{x}/b", "/{x=*}/{y=**}", "/**.b"]
TEMPLATES += ["/a/{x}/b", "/{x=a/*}", "/*/*"]
SPLITS = [(1,), (3, 7), (0, 5), (1, 0, 1), (50, 25, 25)]


def texts() -> st.SearchStrategy[str]:
    return st.sampled_from(VALUES)


@st.composite
def string_matches(draw: st.DrawFn) -> matcher.StringMatcher:
    kind = draw(st.sampled_from(["exact", "prefix", "suffix", "contains", "safe_regex"]))
    if kind == "safe_regex":
        return matcher.StringMatcher(safe_regex=_regex(draw))
    wanted = draw(texts().filter(bool) if kind != "exact" else texts())
    return matcher.StringMatcher(**{kind: wanted}, ignore_case=draw(st.booleans()))


def _regex(draw: st.DrawFn) -> matcher.RegexMatcher:
    return matcher.RegexMatcher(regex=draw(st.sampled_from(REGEXES)))


@st.composite
def header_matches(draw: st.DrawFn) -> route.HeaderMatcher:
    kinds = ["string_match"] * 5 + ["exact_match", "safe_regex_match", "range_match"]
    kinds += ["present_match", "prefix_match", "suffix_match", "contains_match", "none"]
    kind = draw(st.sampled_from(kinds))
    given: dict[str, Any] = {}
    if kind == "string_match":
        given[kind] = draw(string_matches())
    elif kind == "safe_regex_match":
        given[kind] = _regex(draw)
    elif kind == "range_match":
        low = draw(st.integers(-2, 12))
        given[kind] = envoy_type.Int64Range(start=low, end=low + draw(st.integers(0, 12)))
    elif kind == "present_match":
        given[kind] = draw(st.booleans())
    elif kind != "none":
        given[kind] = draw(texts() if kind == "exact_match" else texts().filter(bool))
    with warnings.catch_warnings(action="ignore"):
        return route.HeaderMatcher(
            name=draw(st.sampled_from(MATCHED)),
            invert_match=draw(st.booleans()),
            treat_missing_header_as_empty=draw(st.booleans()),
            **given,
        )


@st.composite
def query_matches(draw: st.DrawFn) -> route.QueryParameterMatcher:
    given = draw(
        st.one_of(
            st.just({}),
            st.builds(lambda told: {"present_match": told}, st.booleans()),
            st.builds(lambda told: {"string_match": told}, string_matches()),
        )
    )
    return route.QueryParameterMatcher(name=draw(st.sampled_from(["a", "b", "A", ";a"])), **given)


@st.composite
def cookie_matches(draw: st.DrawFn) -> route.CookieMatcher:
    return route.CookieMatcher(
        name=draw(st.sampled_from(["a", "b"])),
        string_match=draw(string_matches()),
        invert_match=draw(st.booleans()),
    )


@st.composite
def path_matches(draw: st.DrawFn) -> dict[str, Any]:
    kinds = ["prefix"] * 3 + ["path", "path", "path_separated_prefix", "safe_regex", "template"]
    kind = draw(st.sampled_from([*kinds, "connect_matcher"]))
    if kind == "safe_regex":
        return {kind: _regex(draw)}
    if kind == "connect_matcher":
        return {kind: route.RouteMatchConnectMatcher()}
    if kind == "template":
        made: Any = class_of(TEMPLATE)
        policy = any_of(made(path_template=draw(st.sampled_from(TEMPLATES))))
        name = "envoy.path.match.uri_template.uri_template_matcher"
        return {"path_match_policy": core.TypedExtensionConfig(name=name, typed_config=policy)}
    most = 0 if kind == "prefix" and draw(st.booleans()) else 2
    wanted = "/" + "/".join(draw(st.lists(st.sampled_from(PLAIN), max_size=most)))
    if kind == "path_separated_prefix":
        wanted = wanted.rstrip("/") or "/a"
    return {kind: wanted}


@st.composite
def route_matches(draw: st.DrawFn) -> route.RouteMatch:
    few = draw(st.integers(0, 3))
    given: dict[str, Any] = {}
    if few == 0:
        return route.RouteMatch(**draw(path_matches()))
    if draw(st.integers(0, 9)) == 0:
        given["grpc"] = route.RouteMatchGrpcRouteMatchOptions()
    if draw(st.integers(0, 14)) == 0:
        share = envoy_type.FractionalPercent(numerator=draw(st.sampled_from([0, 30, 100, 200])))
        given["runtime_fraction"] = core.RuntimeFractionalPercent(default_value=share)
    if draw(st.integers(0, 14)) == 0:
        wanted = {draw(st.sampled_from(["presented", "validated"])): draw(st.booleans())}
        given["tls_context"] = route.RouteMatchTlsContextMatchOptions(**wanted)
    if draw(st.integers(0, 5)) == 0:
        given["cookies"] = [draw(cookie_matches())]
    if draw(st.integers(0, 3)) == 0:
        given["query_parameters"] = [draw(query_matches())]
    return route.RouteMatch(
        **draw(path_matches()),
        case_sensitive=draw(st.sampled_from([None, None, True, False])),
        headers=[draw(header_matches()) for _ in range(max(0, few - 1))],
        **given,
    )


@st.composite
def redirects(draw: st.DrawFn) -> route.RedirectAction:
    schemes: list[dict[str, Any]] = [{}, {"https_redirect": True}, {"scheme_redirect": "ftp"}]
    schemes += [{"scheme_redirect": "https"}, {"scheme_redirect": "http"}]
    again = matcher.RegexMatchAndSubstitute(
        pattern=matcher.RegexMatcher(
            regex=draw(st.sampled_from(["a", "^/a", "/(a|b)", "b*", "$"]))
        ),
        substitution=draw(st.sampled_from(["x", r"<\0>", "", r"\\"])),
    )
    paths: list[dict[str, Any]] = [{}, {"path_redirect": "/p"}, {"path_redirect": "p?q"}]
    paths += [{"prefix_rewrite": "/n"}, {"prefix_rewrite": "n?m"}, {"regex_rewrite": again}]
    return route.RedirectAction(
        **draw(st.sampled_from(schemes)),
        **draw(st.sampled_from(paths)),
        host_redirect=draw(st.sampled_from(["", "", "h", "h:1"])),
        port_redirect=draw(st.sampled_from([0, 0, 81])),
        response_code=draw(st.integers(0, 4)),
        strip_query=draw(st.booleans()),
    )


@st.composite
def actions(draw: st.DrawFn) -> dict[str, Any]:
    kind = draw(st.sampled_from(["direct"] * 3 + ["redirect"] * 2 + ["cluster", "header", "split"]))
    if kind == "direct":
        status = draw(st.sampled_from([200, 204, 418]))
        return {"direct_response": route.DirectResponseAction(status=status)}
    if kind == "redirect":
        return {"redirect": draw(redirects())}
    if kind == "cluster":
        return {"route": route.RouteAction(cluster=draw(st.sampled_from([*CLUSTERS, "none"])))}
    if kind == "header":
        name = draw(st.sampled_from(["x-a", "x-b", "X-A"]))
        code = draw(st.sampled_from(list(route.RouteActionClusterNotFoundResponseCode)))
        sent = route.RouteAction(cluster_header=name, cluster_not_found_response_code=code)
        return {"route": sent}
    weights = draw(st.sampled_from(SPLITS))
    clusters = [
        route.WeightedClusterClusterWeight(name=name, weight=weight)
        for name, weight in zip(CLUSTERS, weights, strict=False)
    ]
    header = draw(st.sampled_from([None, "x-a", "x-b"]))
    split = route.WeightedCluster(clusters=clusters, header_name=header)
    return {"route": route.RouteAction(weighted_clusters=split)}


@st.composite
def routes(draw: st.DrawFn) -> route.Route:
    match, done = draw(route_matches()), draw(actions())
    redirect = done.get("redirect")
    if match.path_match_policy and redirect and redirect.prefix_rewrite:
        done = {"redirect": route.RedirectAction(host_redirect="h")}  # Envoy takes no such pair
    return route.Route(match=match, **done)


@st.composite
def rest(draw: st.DrawFn) -> list[route.Route]:
    """Often a route that takes all that is left."""
    if draw(st.booleans()):
        return []
    return [route.Route(match=route.RouteMatch(prefix="/"), **draw(actions()))]


@st.composite
def tables(draw: st.DrawFn) -> Table:
    domains = draw(st.lists(st.sampled_from(DOMAINS), unique_by=str.lower, min_size=1, max_size=6))
    if draw(st.integers(0, 3)):
        domains = [*domains, "*"]
    count = draw(st.integers(1, min(3, len(domains))))
    tls = st.sampled_from([*[route.VirtualHostTlsRequirementType.NONE] * 8, 1, 2])
    hosts = [
        route.VirtualHost(
            name=f"host-{i}",
            domains=domains[i::count],
            require_tls=route.VirtualHostTlsRequirementType(draw(tls)),
            routes=[draw(routes()) for _ in range(draw(st.integers(1, 5)))] + draw(rest()),
        )
        for i in range(count)
    ]
    config = route.RouteConfiguration(
        virtual_hosts=hosts,
        ignore_port_in_host_matching=draw(st.booleans()),
        ignore_path_parameters_in_path_matching=draw(st.integers(0, 3)) == 0,
        vhost_header=draw(st.sampled_from([""] * 9 + ["x-a"])),
    )
    return Table(config, draw(managers()))


@st.composite
def managers(draw: st.DrawFn) -> dict[str, Any]:
    """What the connection manager is told, as JSON."""
    names = ["normalize_path", "merge_slashes", "strip_trailing_host_dot", "use_remote_address"]
    names += ["preserve_external_request_id"]
    told: dict[str, Any] = {name: True for name in names if draw(st.booleans())}
    strip = draw(st.sampled_from(["", "", "strip_any_host_port", "strip_matching_host_port"]))
    if strip:
        told[strip] = True
    slashes = ["KEEP_UNCHANGED", "REJECT_REQUEST", "UNESCAPE_AND_REDIRECT", "UNESCAPE_AND_FORWARD"]
    told["path_with_escaped_slashes_action"] = draw(st.sampled_from([*slashes[:1] * 3, *slashes]))
    told["upgrade_configs"] = [{"upgrade_type": "CONNECT"}]
    return told


@st.composite
def requests(draw: st.DrawFn) -> Request:
    segments = SEGMENTS if draw(st.booleans()) else PLAIN
    path = "/" + "/".join(draw(st.lists(st.sampled_from(segments), max_size=4)))
    method = draw(st.sampled_from(["GET"] * 6 + ["POST", "PUT", "DELETE", "OPTIONS"]))
    fields = draw(st.lists(st.tuples(st.sampled_from(NAMES), texts()), max_size=5))
    if draw(st.integers(0, 3)) == 0:
        fields.append(("cookie", draw(st.sampled_from(COOKIES))))
    authority = draw(st.sampled_from(HOSTS))
    if draw(st.integers(0, 19)) == 0:
        return Request("CONNECT", "", "a.b:80", headers=Headers(tuple(fields)))
    query = draw(st.sampled_from(QUERIES[:4] * 3 + QUERIES))
    return Request(method, path + query, authority, headers=Headers(tuple(fields)))
