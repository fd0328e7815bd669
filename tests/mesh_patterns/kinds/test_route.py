from __future__ import annotations

import pytest

from mesh_patterns.draft import HeaderEdits, Mirror, Redirect, Respond, Rewrite, Target
from tests.mesh_patterns.conftest import Read, Refusal

MESH = "mesh: {services: {web: {versions: {v1: , v2: }}, api: }}\npatterns:\n"


def rules(text: str) -> str:
    return f"{MESH}- {{pattern: route, on: web, rules: [{text}]}}"


def test_rules_stay_in_order_and_a_list_of_matches_is_a_rule_each(read: Read) -> None:
    draft = read(rules("{match: [{path: /a}, {path: /b}], to: v1}, {match: [], timeout: 1s}"))
    found = draft.edges["client", "web"].rules
    assert [rule.match.path.text if rule.match.path else "" for rule in found] == ["/a", "/b", ""]
    assert [str(rule.place) for rule in found] == [
        *("mesh.yaml:3:37", "mesh.yaml:3:37", "mesh.yaml:3:80")
    ]
    assert [[str(w.target) for w in rule.split] for rule in found] == [["web/v1"], ["web/v1"], []]


def test_what_no_rule_takes_is_served_unless_said_otherwise(read: Read) -> None:
    served = read(rules("{match: {path: /a}}"))
    assert not served.edges["client", "web"].closed
    closed = read(rules("{match: {path: /a}}").replace("on: web", "on: web, otherwise: not_found"))
    assert closed.edges["client", "web"].closed


@pytest.mark.parametrize(
    ("rule", "name", "meant"),
    [
        ("rewrite: {path: /x, host: y}", "rewrite", Rewrite("/x", None, "y")),
        (
            "rewrite: {regex: a(b), substitution: '\\1\\0\\\\'}",
            "rewrite",
            Rewrite(None, ("a(b)", "\\1\\0\\\\")),
        ),
        ("redirect: {prefix: /x, port: 80}", "redirect", Redirect(301, None, "/x", None, None, 80)),
        ("respond: {status: 204}", "respond", Respond(204)),
        ("mirror: {to: api, percent: 5}", "mirror", (Mirror(Target("api"), 5),)),
        (
            "headers: {request: {set: {A: 1}, remove: [b]}, response: {add: {c: d}}}",
            "headers",
            HeaderEdits((("A", "1"),), (), ("b",), (), (("c", "d"),), ()),
        ),
    ],
)  # fmt: skip
def test_a_rule_is_what_the_file_says(read: Read, rule: str, name: str, meant: object) -> None:
    (found,) = read(rules(f"{{{rule}}}")).edges["client", "web"].rules
    assert found.settings[name].value == meant
    assert str(found.settings[name].place) == f"mesh.yaml:3:{40 + len(name)}"


@pytest.mark.parametrize(
    ("rule", "told"),
    [
        ("{to: v1, respond: {status: 200}}", "3:37: expected one of to, redirect and respond"),
        ("{to: v3}", "3:42: 'web' has no version 'v3'"),
        ("{to: {v1: 0}}", "3:42: weights add up to 0, expected more than 0"),
        ("{to: {v1: -1, v2: 2}}", "3:47: input should be greater than or equal to 0, got -1"),
        ("{mirror: {to: v3}}", "3:51: 'web' has no version 'v3'"),
        ("{redirect: {path: /a, prefix: /b}}", "3:48: redirect: expected one of"),
        ("{redirect: {}}", "3:48: redirect: leads to itself; expected a path, prefix, host"),
        ("{respond: {status: 200, body: " + "é" * 2049 + "}}", "3:47: respond: has 4098 bytes"),
        ("{redirect: {status: 300}}", "3:57: status: input should be 301, 302, 303, 307 or 308"),
        ("{rewrite: {path: ''}}", "3:54: path: string should have at least 1 character"),
        ("{rewrite: {regex: a}}", "3:47: rewrite: regex and substitution go together"),
        ("{rewrite: {path: /a, regex: a, substitution: b}}", "3:47: rewrite: expected one of"),
        ("{rewrite: {regex: (, substitution: b}}", "3:47: rewrite: is no regular expression"),
        ("{rewrite: {regex: (a), substitution: '\\2'}}",
         "3:47: rewrite: substitution has '\\2', expected '\\0' to '\\1' or '\\\\'"),
        ("{rewrite: {regex: a, substitution: '\\n'}}",
         "3:47: rewrite: substitution has '\\n', expected '\\0' to '\\0' or '\\\\'"),
        ("{respond: {status: 100}}", "3:56: status: input should be greater than or equal to 200"),
        ("{headers: {set: {a: b}}}", "3:48: unknown key 'set'"),
        ("5", "3:37: expected a mapping, got 5"),
    ],
)  # fmt: skip
def test_what_no_rule_can_be_is_refused(refusal: Refusal, rule: str, told: str) -> None:
    assert refusal(rules(rule)).startswith(told)


def test_a_route_has_rules(refusal: Refusal) -> None:
    assert refusal(rules("")).startswith("3:36: rules: expected at least one entry")
