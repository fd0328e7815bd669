"""Which certificates are kept, which are new, and when the next is due, by a clock of our own."""

from __future__ import annotations

import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

from mini_mesh.certificates.issuer import Issuer
from tests.mesh_patterns.running import drafted

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)
PLAIN = "name: shop\nmesh: {services: {web: {calls: [api]}, api: {versions: {v1: , v2: }}}}\n"
SECURE = PLAIN + "patterns: [{pattern: mtls, on: '*'}]"
HOURLY = SECURE.replace("on:", "cert_ttl: 1h, on:")


class Clock:
    def __init__(self) -> None:
        self.now = NOON

    def __call__(self) -> datetime:
        return self.now


def test_everybody_has_an_identity_where_a_service_wants_one(tmp_path: Path) -> None:
    identities = Issuer(Clock()).identities(drafted(SECURE, tmp_path))
    assert {name: each.uri for name, each in identities.items()} == {
        "web": "spiffe://shop/web",
        "api-v1": "spiffe://shop/api",
        "api-v2": "spiffe://shop/api",
        "client": "spiffe://shop/client",
        "ingress": "spiffe://shop/ingress",
    }
    assert len({each.key for each in identities.values()}) == 5
    assert len({each.bundle for each in identities.values()}) == 1


def test_what_is_good_is_kept_and_what_is_new_is_added(tmp_path: Path) -> None:
    issuer = Issuer(Clock())
    before = issuer.identities(drafted(SECURE, tmp_path))
    more = SECURE.replace("web: {", "db: , web: {")
    after = issuer.identities(drafted(more, tmp_path))
    assert {name: after[name] for name in before} == before
    assert set(after) - set(before) == {"db"}


def test_a_draft_that_comes_back_finds_what_it_had(tmp_path: Path) -> None:
    clock = Clock()
    issuer = Issuer(clock)
    mesh = drafted(HOURLY, tmp_path)
    first = issuer.identities(mesh)
    clock.now = NOON + timedelta(seconds=2000)
    for other in (PLAIN, SECURE, HOURLY.replace("on:", "trust_domain: other, on:")):
        issuer.identities(drafted(other, tmp_path))
        assert issuer.identities(mesh) == first
    assert issuer.due_in() == 400


def test_a_certificate_is_renewed_after_two_thirds_of_its_life(tmp_path: Path) -> None:
    clock = Clock()
    issuer = Issuer(clock)
    mesh = drafted(HOURLY, tmp_path)
    first = issuer.identities(mesh)
    assert issuer.due_in() == 2400
    clock.now = NOON + timedelta(seconds=2399)
    assert issuer.identities(mesh) == first
    clock.now = NOON + timedelta(seconds=2400)
    assert issuer.due_in() == 0
    second = issuer.identities(mesh)
    assert all(second[name].chain != first[name].chain for name in first)
    assert all(second[name].bundle == first[name].bundle for name in first)
    assert issuer.due_in() == 2400


def test_by_default_a_certificate_lasts_a_day(tmp_path: Path) -> None:
    issuer = Issuer(Clock())
    issuer.identities(drafted(SECURE, tmp_path))
    assert issuer.due_in() == 16 * 3600


def test_another_life_or_another_trust_domain_is_another_certificate(tmp_path: Path) -> None:
    issuer = Issuer(Clock())
    first = issuer.identities(drafted(SECURE, tmp_path))
    shorter = issuer.identities(drafted(HOURLY, tmp_path))
    assert issuer.due_in() == 2400
    renamed = HOURLY.replace("on:", "trust_domain: mesh.local, on:")
    moved = issuer.identities(drafted(renamed, tmp_path))
    assert moved["web"].uri == "spiffe://mesh.local/web"
    assert len({each["web"].chain for each in (first, shorter, moved)}) == 3


def test_what_is_forgotten_is_issued_anew_by_the_same_authority(tmp_path: Path) -> None:
    issuer = Issuer(Clock())
    mesh = drafted(SECURE, tmp_path)
    first = issuer.identities(mesh)
    issuer.forget()
    second = issuer.identities(mesh)
    assert first["web"].chain != second["web"].chain
    assert first["web"].bundle == second["web"].bundle


def test_a_mesh_without_mutual_tls_wants_nothing_and_imports_no_cryptography(
    tmp_path: Path,
) -> None:
    issuer = Issuer(Clock())
    assert issuer.identities(drafted(PLAIN, tmp_path)) == {}
    assert issuer.due_in() is None
    off = PLAIN + "patterns: [{pattern: mtls, on: '*', mode: off}]"
    assert issuer.identities(drafted(off, tmp_path)) == {}
    script = (
        "import sys, mini_mesh.mesh, mini_mesh.control.plane; print('cryptography' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert done.stdout == "False\n", done.stderr
