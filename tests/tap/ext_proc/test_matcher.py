"""What a filter is asked to capture, as Envoy's matcher (a real one is asked in test_ext_proc)."""

from __future__ import annotations

from typing import Any

from tap.ext_proc.matcher import predicate_of
from tap.traces.request import ANY, AllOf, AnyOf, HeaderIn, HeaderIs, Rule
from xds_server.mirror import render, serialize, type_url_of

POST, ON_A = HeaderIs(":method", "POST"), HeaderIs(":path", "/a")
ERRORS = HeaderIn(":status", 500, 1000, response=True)


def shown(rule: Rule) -> Any:
    predicate = predicate_of(rule)
    if predicate is None:
        return None
    return render(type_url_of(type(predicate)), serialize(predicate))


def asked(name: str, value: str) -> Any:
    config = {
        "@type": "type.googleapis.com/envoy.type.matcher.v3.HttpRequestHeaderMatchInput",
        "header_name": name,
    }
    return {
        "single_predicate": {
            "input": {"name": "header", "typed_config": config},
            "value_match": {"exact": value},
        }
    }


def test_headers_of_the_request_are_asked_for() -> None:
    both = [asked(":method", "POST"), asked(":path", "/a")]
    assert shown(POST) == both[0]
    assert shown(AllOf((POST, ON_A))) == {"and_matcher": {"predicate": both}}
    assert shown(AnyOf((POST, ON_A))) == {"or_matcher": {"predicate": both}}


def test_what_only_the_response_tells_lets_through() -> None:
    assert shown(ANY) is None
    assert shown(ERRORS) is None
    assert shown(AllOf((ERRORS, POST))) == shown(POST)
    assert shown(AnyOf((ERRORS, POST))) is None
    assert shown(AllOf((ERRORS, ERRORS))) is None
