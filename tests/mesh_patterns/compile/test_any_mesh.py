"""Whatever a pattern file says, it is refused with a place or a real Envoy accepts all of it."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mesh_patterns.compile import compile_mesh
from mesh_patterns.load import load
from mesh_patterns.placement import Placement, needs
from mesh_yaml.place import DocumentError
from mini_mesh.certificates.issuer import Issuer
from mini_mesh.ports import Ports
from tests.mesh_patterns.running import Oracle
from xds_server.snapshot import Snapshot

pytestmark = pytest.mark.asyncio(loop_scope="module")

NAMES = ["a", "b.c", "D", "node"]
HOSTS = ["a.shop", "*", "*.shop", "shop.*", "1.2.3.4:80", "any", "B.Shop", "x_y", "ü.example"]
TEXTS = ["", "x", "A b", "ü", "%", "a%2Fb", "\\1", "a" * 300, '"', "$$", "{}", "a,b", "\t"]
PATHS = ["/", "/v2", "/v2/", "/a.b", "/%41", "/ü", "/a b", "/\\", "/(", "//", "/..", "/{x}", "/*"]
FIELDS = ["x-a", "X-B", "cookie", "te", "user-agent", "_x", "x.y", "content-length"]

text = st.sampled_from(TEXTS)
name = st.sampled_from(NAMES)
host = st.sampled_from(HOSTS)
path = st.sampled_from(PATHS)
version = st.sampled_from(["v1", "v2"])
percent = st.one_of(st.integers(0, 100), st.floats(0, 100), st.sampled_from(["1%", "0.01%"]))
duration = st.sampled_from(["0s", "1ms", "0.5ms", "1.5s", "1h30m", "8760h"])
regex = st.sampled_from(["", ".*", "a|b", "[[:alpha:]]+", "(x)", "/v[0-9]/?", "(?i)a", "\\d"])


def some(**optional: Any) -> st.SearchStrategy[dict[str, Any]]:
    """A mapping with any of these keys."""
    return st.fixed_dictionaries({}, optional=optional)


def one(**choices: Any) -> st.SearchStrategy[dict[str, Any]]:
    """A mapping with exactly one of these keys."""
    return st.one_of([st.fixed_dictionaries({key: value}) for key, value in choices.items()])


plain = one(exact=text, prefix=text, suffix=text, contains=text, regex=regex, present=st.booleans())
matched = st.one_of(text, plain, plain.map(lambda match: {**match, "invert": True}))
fields = st.dictionaries(st.sampled_from(FIELDS), text, max_size=2)
match = some(
    path=st.one_of(
        path, one(exact=path, prefix=path, separated_prefix=path, suffix=text, regex=regex)
    ),
    method=matched,
    host=matched,
    scheme=matched,
    headers=st.dictionaries(st.sampled_from(FIELDS), matched, max_size=2),
    query=st.dictionaries(st.sampled_from(["a", "ü", "a b"]), st.one_of(text, plain), max_size=2),
    ignore_case=st.booleans(),
    percent=percent,
)
retries = some(
    attempts=st.integers(0, 100),
    retry_on=st.lists(st.sampled_from(["5xx", "reset", 503, 418, "unavailable"]), max_size=3),
    per_try_timeout=duration,
    backoff=st.fixed_dictionaries({"base": duration}) | st.just({"base": "1ms", "max": "1h"}),
)


def joined(parts: tuple[dict[str, Any], dict[str, Any]]) -> dict[str, Any]:
    return {**parts[0], **parts[1]}


delay = st.fixed_dictionaries({"fixed": duration}, optional={"percent": percent})
abort = st.tuples(
    some(percent=percent), one(status=st.integers(200, 599), grpc_status=st.integers(0, 16))
).map(joined)
fault = one(delay=delay, abort=abort) | st.fixed_dictionaries({"delay": delay, "abort": abort})
edits = some(set=fields, add=fields, remove=st.lists(st.sampled_from(FIELDS), max_size=2))
redirect = st.tuples(
    some(
        status=st.sampled_from([301, 302, 303, 307, 308]),
        host=host,
        scheme=st.sampled_from(["http", "https"]),
        port=st.integers(1, 65535),
    ),
    one(path=path, prefix=path) | st.just({}),
).map(joined)
rewrite = some(path=path, host=host) | st.fixed_dictionaries({"regex": regex, "substitution": path})
respond = st.fixed_dictionaries({"status": st.integers(200, 599)}, optional={"body": text})
weight = st.integers(0, 9)
share = weight | some(weight=weight, headers=some(request=edits, response=edits))
to = st.dictionaries(version, share, min_size=1)
copy = st.fixed_dictionaries({"to": version}, optional={"percent": percent})
rule = st.tuples(
    some(
        match=st.one_of(match, st.lists(match, max_size=2)),
        hosts=st.lists(host, max_size=2),
        rewrite=rewrite,
        headers=some(request=edits, response=edits),
        timeout=duration,
        retries=retries,
        fault=fault,
        mirror=copy | st.lists(copy, max_size=2),
        cors=st.fixed_dictionaries({"origins": text}, optional={"credentials": st.booleans()}),
    ),
    one(to=to, redirect=redirect, respond=respond) | st.just({}),
).map(joined)


@st.composite
def services(draw: st.DrawFn) -> dict[str, Any]:
    """Services that may stand side by side: whom they call is there, no name is two services'."""
    names = draw(st.lists(name, min_size=1, unique=True))
    hosts = iter(draw(st.permutations(HOSTS)))
    return {
        each: {
            "versions": {"v1": None, "v2": None},
            "calls": [callee for callee in names if draw(st.booleans())],
            "protocol": draw(st.sampled_from(["http", "grpc", "http", "grpc", "tcp", "thrift"])),
            "ingress": {"hosts": [next(hosts)]},
            "hosts": [next(hosts)][: draw(st.integers(0, 1))],
        }
        for each in names
    }


def kind(kind: str, **keys: Any) -> st.SearchStrategy[dict[str, Any]]:
    on = st.one_of(name, name.map(lambda name: f"ingress -> {name}"))
    return st.fixed_dictionaries({"pattern": st.just(kind), "on": on, **keys})


rate = st.sampled_from(["1/s", "10/min", "3/50ms", "4294967295/d"])
key = st.sampled_from(["header:x-user", "query:q", "path", "method", "remote_address", "generic:a"])
limit = st.sampled_from([0, 1, 1024, 2**32 - 1])
count = st.sampled_from([1, 5, 2**32 - 1])
whole = st.sampled_from([0, 10, 100, "50%"])
breaker = some(
    max_requests=limit, max_connections=limit, max_pending_requests=limit, max_retries=limit
)
outliers = some(
    consecutive_5xx=count,
    consecutive_gateway_failure=count,
    success_rate=st.booleans() | some(stdev_factor=st.floats(0, 1000), enforcing=whole),
    failure_percentage=whole | some(threshold=whole, minimum_hosts=count, request_volume=count),
    interval=duration,
    base_ejection_time=duration,
    max_ejection_time=duration,
    max_ejection_percent=whole,
)
key = st.one_of(
    st.sampled_from(["source_ip", "header:X-A", "query:a b", "cookie:c"]),
    st.fixed_dictionaries({"cookie": text}, optional={"ttl": duration}),
    one(header=text, query=text),
)
balance = st.one_of(
    some(policy=st.sampled_from(["round_robin", "random"]), panic_threshold=percent),
    some(policy=st.just("least_request"), choice_count=st.sampled_from([2, 2**32 - 1])),
    st.fixed_dictionaries(
        {"hash": key | st.lists(key, max_size=3)},
        optional={"minimum_ring_size": count, "maximum_ring_size": count},
    ),
    st.fixed_dictionaries(
        {"policy": st.just("maglev"), "hash": key},
        optional={"table_size": st.sampled_from([2, 101, 5_000_011])},
    ),
)
access = some(
    methods=matched,
    paths=st.sampled_from(["/pub/*", "*.html", "*"]) | match.map(lambda m: m.get("path", "/")),
    hosts=st.lists(matched, max_size=2),
    headers=st.dictionaries(st.sampled_from(FIELDS), matched, max_size=2),
    ip_blocks=st.sampled_from(["127.0.0.1", "10.1.2.3/8", "::/0", "0.0.0.0/0"]),
    remote_ip_blocks=st.lists(st.sampled_from(["::1", "fe80::/10"]), max_size=2),
)
authorization = some(
    allow=access | st.lists(access, max_size=2), deny=st.lists(access, max_size=2),
    dry_run=st.booleans(),
)  # fmt: skip
lua = "function envoy_on_request(handle) end"
cors = st.fixed_dictionaries(
    {"origins": matched | st.just("*") | st.lists(matched, min_size=1, max_size=2)},
    optional={
        "methods": text | st.lists(text, max_size=2),
        "headers": text,
        "expose": text,
        "max_age": duration,
        "credentials": st.booleans(),
    },
)
health = some(
    protocol=st.sampled_from(["http", "grpc", "tcp"]),
    path=path,
    statuses=st.sampled_from([200, "200..299", [200, 599], "100..599"]),
    service=text,
    interval=duration,
    timeout=duration,
    healthy_threshold=count,
    unhealthy_threshold=count,
)
hardening = some(
    escaped_slashes=st.sampled_from(["reject", "unescape", "redirect", "keep"]),
    underscores=st.sampled_from(["reject", "drop", "allow"]),
    merge_slashes=st.booleans(),
    max_headers_kib=st.sampled_from([1, 60, 8192]),
    max_header_count=st.sampled_from([1, 1000]),
    headers_within=duration,
    idle=duration,
    max_streams=st.sampled_from([1, 2**31 - 1]),
    buffer_kib=st.sampled_from([1, 4096]),
    trusted_hops=st.sampled_from([0, 100]),
)
logged = some(
    text=text,
    fields=st.dictionaries(st.sampled_from(["a", "ü b"]), text | st.just("%RESPONSE_CODE%")),
    when=some(
        status=st.sampled_from([500, ">= 500", "400..499", "< 0"]),
        slower_than=duration,
        flags=st.sampled_from(["UF", ["UO", "UT"]]),
        sample=percent,
    ),
)
tag = text | one(literal=text, header=st.sampled_from(FIELDS), env=text)
tracing = some(sampling=percent, tags=st.dictionaries(st.sampled_from(["a", "ü"]), tag, max_size=2))
session = some(cookie=text, path=path, ttl=duration, strict=st.booleans())
compression = some(
    codec=st.sampled_from(["gzip", "brotli", "zstd"]),
    min_bytes=st.sampled_from([30, 2**32 - 1]),
    types=text,
)
budget = st.fixed_dictionaries({"budget": some(percent=percent, min_concurrency=limit)})
whose = name | st.sampled_from(["*", "ingress", "client"])
pattern = st.one_of(
    st.tuples(cors, kind("cors")).map(joined),
    st.tuples(compression, kind("compression")).map(joined),
    st.tuples(session, kind("session")).map(joined),
    st.tuples(health, kind("health_check")).map(joined),
    st.tuples(budget, kind("retries")).map(joined),
    st.tuples(hardening, kind("hardening", on=whose)).map(joined),
    st.tuples(logged, kind("access_log", on=whose, file=st.just("/dev/null"))).map(joined),
    st.tuples(tracing, kind("tracing", on=whose)).map(joined),
    kind("lua", code=st.just(lua), deliver=st.sampled_from(["inline", "ecds"])),
    kind("connection_limit", on=name, connections=count, delay=duration),
    kind("ext_proc", service=name, response_body=st.sampled_from(["none", "buffered"])),
    st.tuples(breaker, kind("circuit_breaker")).map(joined),
    st.tuples(outliers, kind("outlier_detection")).map(joined),
    st.tuples(balance, kind("load_balancing")).map(joined),
    st.tuples(authorization, kind("authorization"), some(on=name)).map(
        lambda parts: {**parts[0], **parts[1], **parts[2]}
    ),
    kind("route", rules=st.lists(rule, min_size=1, max_size=3)),
    kind("canary", weights=st.sampled_from([{"v1": 100}, {"v1": 40, "v2": 60}])),
    kind("timeout", after=duration),
    kind("mirror", to=version, percent=percent),
    kind("mtls", mode=st.sampled_from(["strict", "permissive", "off"]), on=name | st.just("*")),
    st.tuples(retries, kind("retries")).map(joined),
    st.tuples(fault, kind("fault"), some(by_header=st.booleans(), max_active=limit)).map(
        lambda parts: {**parts[0], **parts[1], **parts[2]}
    ),
    kind("rate_limit", limit=rate, burst=st.integers(1, 9), key=st.lists(key, max_size=2)),
    kind(
        "rate_limit",
        limit=rate,
        overrides=st.lists(st.fixed_dictionaries({"when": match, "limit": rate}), max_size=2),
    ),
    kind("admission_control", success=percent, max_rejection=percent, window=duration),
    kind("adaptive_concurrency", percentile=percent, update=duration, fixed=duration),
    kind("bandwidth_limit", limit=st.sampled_from(["1KiB/s", "4GiB/s"]), interval=duration),
    kind("connection_rate", limit=rate),
)
mesh = st.fixed_dictionaries({"dataplane": st.just("node"), "services": services()})


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def envoy() -> AsyncIterator[tuple[Oracle, Ports]]:
    with Ports() as ports:
        async with Oracle().running(ports) as oracle:
            yield oracle, ports


KNOWN: dict[str, int] = {}  # a need has the same port in every example
ISSUER = Issuer()


def compiled(path: Path, ports: Ports, **document: Any) -> Mapping[str, Snapshot] | None:
    """The snapshots of a file, or ``None`` when it is refused, which it is with a place."""
    path.write_text(json.dumps(document), encoding="utf-8")
    try:
        draft = load([path])
        for need in needs(draft.mesh):
            if need.key not in KNOWN:
                KNOWN[need.key] = ports.take()
        return compile_mesh(draft, Placement(KNOWN, captured=True), ISSUER.identities(draft))
    except DocumentError as error:
        unplaced = [each for each in error.problems if each.place.file != str(path)]
        if unplaced:
            raise AssertionError(f"refused without a place: {unplaced}") from error
        return None


@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(mesh, st.lists(pattern, max_size=6))
async def test_any_file_is_refused_at_a_place_or_accepted_by_envoy(
    envoy: tuple[Oracle, Ports],
    tmp_path_factory: pytest.TempPathFactory,
    mesh: dict[str, Any],
    patterns: list[dict[str, Any]],
) -> None:
    oracle, ports = envoy
    path = Path(tmp_path_factory.getbasetemp(), "any.yaml")
    alone = [each for each in patterns if compiled(path, ports, mesh=mesh, patterns=[each])]
    for snapshot in (compiled(path, ports, mesh=mesh, patterns=alone) or {}).values():
        assert await oracle.judge(snapshot) == []
