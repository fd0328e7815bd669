"""Any pattern of any kind, as its model's JSON Schema has it: a new kind needs no word here.

Names, durations and the like are taken from a few that mean something, or hardly any pattern would
get past its first check.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from hypothesis import strategies as st

from mesh_patterns.kinds import KINDS

Strategy = st.SearchStrategy[Any]

# Two services of HTTP that call each other's kind, and one of gRPC; two versions each.
SERVICES = {
    "a": {"versions": {"v1": None, "v2": None}, "calls": ["b", "g"], "ingress": True},
    "b": {"versions": {"v1": None, "v2": None}, "calls": ["a"]},
    "g": {"protocol": "grpc", "versions": {"v1": None, "v2": None}},
}
LUA = "function envoy_on_request(handle) handle:headers():add('x-lua', 'a') end"
TEXTS = ["a", "x-a", "/a", "A b", "ü", "%", "\\1", '"', "$$", "{}", "a,b", "a" * 300, ""]
CONFIGURATIONS: list[Any] = ["", {}, {"deny": [{"path": "/x", "status": 403}]}]
DURATIONS = ["1ms", "20ms", "1.5s", "10s", "1h30m", "0s", "8760h"]
BOUNDS: list[Any] = ["200..299", ">= 500", "<= 1.27", "7%..13%", 404]
PATHS = ["/", "/a", "/a/", "/%41", "/ü", "/*", "*"]
REGEXES = ["a|b", ".*", "/v[0-9]/?", "(?i)a"]
NETWORKS = ["127.0.0.1", "10.0.0.0/8", "::1", "fe80::/10"]
MOST_KEYS = 5  # that need not be there, of one mapping
DEEPEST = 4  # mappings in mappings
_NUMBERS = [0, 1, 2, 5, 50, 100, 101, 1024, 2**32 - 1]

_ON = ["a", "b", "a -> b", "ingress -> a", "*", "g", "a/v1", "ingress", "client -> b"]
NAMED: Mapping[str, list[Any]] = {
    "on": _ON,
    "to": ["v1", "v2", "b", "b/v1"],
    "service": ["g", "", "g/v1"],
    "collector": ["g"],
    "calls": ["b", "g", "g/v2"],
    "from": ["a", "b", "ingress"],
    "file": ["meshloom:header_policy", "/dev/null"],
    "code": [LUA],
    "weights": [{"v1": 90, "v2": 10}, {"v1": 100}],
    "hash": ["header:x-a", "cookie:c", "source_ip", "query:q"],
    "retry_on": ["5xx", "reset", 503, "unavailable,connect-failure"],
    "ip_blocks": NETWORKS,
    "remote_ip_blocks": NETWORKS,
    "path": PATHS,
    "paths": PATHS,
    "prefix": PATHS,
    "regex": REGEXES,
    "hosts": ["a.example", "*", "*.example", "1.2.3.4:80"],
    "types": ["text/plain", "application/json"],
    "origins": ["https://a.example", "*", {"suffix": ".example"}],
    "trust_domain": ["mesh.local"],
    "configuration": CONFIGURATIONS,
    "vm_configuration": CONFIGURATIONS,
    "sha256": [None],
    "flags": ["UO", "UF", "NR"],
    "status": [200, 404, 503, ">= 500"],
    "env": ["HOME"],
    "scheme": ["http", "https"],
}


def any_of_kind(kind: str) -> Strategy:
    """A pattern of that kind."""
    whole = KINDS[kind].spec.model_json_schema()
    made = _mapping(whole, whole.get("$defs", {}), 0)
    return made.map(lambda found: {**found, "pattern": kind})


def _any(schema: Mapping[str, Any], defs: Mapping[str, Any], name: str, depth: int) -> Strategy:
    """Whatever this part of a schema takes, under the key ``name``."""
    if reference := schema.get("$ref"):
        return _any(defs[reference.rpartition("/")[2]], defs, name, depth)
    if (named := NAMED.get(name)) and not _is_mapping(schema, defs):
        return _listed(schema, st.sampled_from(named))
    if choices := schema.get("anyOf") or schema.get("oneOf") or schema.get("allOf"):
        return st.one_of([_any(each, defs, name, depth) for each in choices])
    if "const" in schema or "enum" in schema:
        return st.sampled_from(schema.get("enum") or [schema["const"]])
    of = schema.get("type", "string")
    kinds = [of] if isinstance(of, str) else of
    return st.one_of([_typed(kind, schema, defs, name, depth) for kind in kinds])


def _is_mapping(schema: Mapping[str, Any], defs: Mapping[str, Any]) -> bool:
    """Whether it is one with keys of its own, and not free ones."""
    choices = [schema, *schema.get("anyOf", ())]
    found = [defs.get(each.get("$ref", "").rpartition("/")[2], each) for each in choices]
    return any("properties" in each for each in found)


def _listed(schema: Mapping[str, Any], values: Strategy) -> Strategy:
    """One of them, or some, where a list is taken."""
    takes = [each.get("type") for each in (schema, *schema.get("anyOf", ()))]
    several = st.lists(values, min_size=1, max_size=2)
    return several if takes == ["array"] else values | several if "array" in takes else values


def _typed(
    kind: str, schema: Mapping[str, Any], defs: Mapping[str, Any], name: str, depth: int
) -> Strategy:
    if kind == "object":
        return _mapping(schema, defs, depth + 1)
    if kind == "array":
        return st.lists(_any(schema.get("items", {}), defs, name, depth), max_size=2)
    if kind == "string":
        return _text(schema)
    simple: dict[str, Strategy] = {"boolean": st.booleans(), "null": st.none()}
    return simple[kind] if kind in simple else _number(schema, whole=kind == "integer")


def _text(schema: Mapping[str, Any]) -> Strategy:
    if schema.get("examples") == ["2.5s"]:
        return st.sampled_from(DURATIONS)
    if "examples" in schema:
        return st.sampled_from(BOUNDS)
    if pattern := schema.get("pattern"):
        return st.from_regex(pattern, fullmatch=True)
    return st.sampled_from(TEXTS)


def _number(schema: Mapping[str, Any], whole: bool) -> Strategy:
    low, high = schema.get("minimum", 0), schema.get("maximum", 2**32 - 1)
    ends = [low, high, *(each for each in _NUMBERS if low <= each <= high)]
    return st.sampled_from(ends) if whole else st.sampled_from(ends) | st.floats(low, high)


def _mapping(schema: Mapping[str, Any], defs: Mapping[str, Any], depth: int) -> Strategy:
    properties: Mapping[str, Any] = schema.get("properties", {})
    if not properties:
        values = schema.get("additionalProperties")
        of = _any(values, defs, "", depth) if isinstance(values, dict) else st.sampled_from(TEXTS)
        return st.dictionaries(st.sampled_from(["x-a", "X-B", "cookie"]), of, max_size=2)
    needed = [key for key in schema.get("required", ()) if key != "pattern"]
    others = [key for key in properties if key not in (*needed, "pattern", "override")]
    if depth >= DEEPEST:
        others = []

    @st.composite
    def made(draw: st.DrawFn) -> dict[str, Any]:
        chosen = st.lists(st.sampled_from(others), unique=True, max_size=MOST_KEYS)
        keys = [*needed, *(draw(chosen) if others else ())]
        return {key: draw(_any(properties[key], defs, key, depth)) for key in keys}

    return made()
