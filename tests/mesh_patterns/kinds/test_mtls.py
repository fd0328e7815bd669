from __future__ import annotations

from datetime import timedelta

import pytest

from tests.mesh_patterns.conftest import Read, Refusal

MESH = "mesh: {services: {page: {calls: [web]}, web: {versions: {v1: }}}}\npatterns:\n"
ALL = "- {pattern: mtls, on: '*'}\n"
WEB = "- {pattern: mtls, on: web, mode: permissive}\n"


def test_a_star_is_every_service_and_strict_is_what_is_meant_by_nothing(read: Read) -> None:
    draft = read(MESH + ALL)
    assert {name: placed.value for name, placed in draft.mtls.items()} == {
        "page": "strict",
        "web": "strict",
    }
    assert str(draft.mtls["web"].place) == "mesh.yaml:3:3"


@pytest.mark.parametrize(("text", "mode"), [("off", "off"), ("false", "off"), ("strict", "strict")])
def test_off_may_be_written_as_some_read_it(read: Read, text: str, mode: str) -> None:
    assert read(MESH + WEB.replace("permissive", text)).mtls["web"].value == mode


def test_two_that_differ_need_one_that_insists(read: Read, refusal: Refusal) -> None:
    assert refusal(MESH + ALL + WEB) == (
        "4:3: mutual TLS of 'web' is set here and, differently, at 3:3; "
        "take one away, or give one of them 'override: true'"
    )
    draft = read(MESH + ALL + WEB.replace("mode", "override: true, mode"))
    assert (draft.mtls["web"].value, draft.mtls["page"].value) == ("permissive", "strict")


def test_trust_domain_and_life_are_the_whole_meshs(read: Read, refusal: Refusal) -> None:
    hourly = ALL.replace("on:", "trust_domain: mesh.local, cert_ttl: 1h, on:")
    draft = read(MESH + hourly)
    assert draft.trust_domain
    assert draft.certificate_life
    assert draft.trust_domain.value == "mesh.local"
    assert draft.certificate_life.value == timedelta(hours=1)
    other = "- {pattern: mtls, on: web, trust_domain: other}\n"
    assert refusal(MESH + hourly + other) == (
        "4:42: the trust domain is set here and, differently, at 3:33; "
        "take one away, or give one of them 'override: true'"
    )


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ("on: web/v1", "3:23: mutual TLS is of a whole service, got 'web/v1'; name the service"),
        ("on: page -> web", "3:23: mutual TLS is of a whole service, got 'page -> web'; "),
        ("on: wep", "3:23: no service 'wep'; did you mean 'web'?"),
        ("on: web, cert_ttl: 5s", "3:38: cert_ttl: a certificate lasts at least 10s, got 5s"),
        ("on: web, trust_domain: A b", "3:42: trust_domain: string should match"),
        (
            "on: web, mode: both",
            "3:34: mode: input should be 'strict', 'permissive' or 'off', got 'both'",
        ),
    ],
)
def test_what_can_not_be_is_told_where_it_stands(refusal: Refusal, options: str, told: str) -> None:
    assert refusal(f"{MESH}- {{pattern: mtls, {options}}}\n").startswith(told)
