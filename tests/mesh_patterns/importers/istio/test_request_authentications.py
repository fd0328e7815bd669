"""RequestAuthentications with AuthorizationPolicies in a real Envoy: whose token lets whom in."""

from __future__ import annotations

import base64
import json
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import pytest_asyncio

from mesh_patterns.draft import Draft
from mesh_patterns.tokens import Token, new_key, sign
from tests.mesh_patterns.importers.istio.conftest import service
from tests.mesh_patterns.running import Running, running

real = pytest.mark.asyncio(loop_scope="module")

Import = Callable[..., Draft]
Told = Callable[[Draft], list[str]]

SHOP, BANK = "https://shop.test", "https://bank.test/a"
OWN = new_key("own")
KEYS = json.dumps(OWN.public_keys())
LIFE = timedelta(days=1)  # tokens outlive their collection


def authentication(name: str, spec: str, namespace: str = "default") -> str:
    return f"""---
apiVersion: security.istio.io/v1
kind: RequestAuthentication
metadata: {{name: {name}, namespace: {namespace}}}
spec: {spec}
"""


def policy(name: str, rule: str, action: str = "ALLOW") -> str:
    return f"""---
apiVersion: security.istio.io/v1
kind: AuthorizationPolicy
metadata: {{name: {name}}}
spec: {{selector: {{matchLabels: {{app: {name}}}}}, action: {action}, rules: [{rule}]}}
"""


def on(app: str) -> str:
    return f"selector: {{matchLabels: {{app: {app}}}}}"


NAMES = ("api", "needed", "denied", "admins", "roles", "meant", "not-guests", "bank", "far")
MESH = "".join(
    [
        "mesh: {dataplane: node}\n",
        *map(service, NAMES),
        authentication("mesh", f"{{jwtRules: [{{issuer: '{SHOP}', jwksUri: 'https://x.y/k'}}]}}"),
        authentication(
            "bank",
            f"{{{on('bank')}, jwtRules: [{{issuer: '{BANK}', jwks: '{KEYS}',"
            " audiences: [till], forwardOriginalToken: true, outputPayloadToHeader: x-payload,"
            " fromHeaders: [{name: x-token, prefix: 'Token '}], fromParams: [t],"
            " outputClaimToHeaders: [{header: x-sub, claim: sub}]}]}",
        ),
        policy("needed", "{from: [{source: {requestPrincipals: ['*']}}]}"),
        policy("denied", "{from: [{source: {notRequestPrincipals: ['*']}}]}", "DENY"),
        policy("admins", "{when: [{key: 'request.auth.claims[groups]', values: [admin, 'op*']}]}"),
        policy("roles", "{when: [{key: 'request.auth.claims[realm][roles]', values: [buyer]}]}"),
        policy(
            "meant",
            "{when: [{key: request.auth.audiences, values: [api]},"
            " {key: request.auth.presenter, values: [web]}]}",
        ),
        policy("not-guests", "{when: [{key: 'request.auth.claims[sub]', notValues: [guest]}]}"),
        policy("bank", f"{{from: [{{source: {{requestPrincipals: ['{BANK}/teller']}}}}]}}"),
    ]
)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def mesh(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Running]:
    async with running(MESH, tmp_path_factory.mktemp("x")) as mesh:
        yield mesh


def shop(**claims: Any) -> dict[str, str]:
    token = Token(SHOP, claims=claims, life=LIFE)
    return {"authorization": f"Bearer {sign(token, datetime.now(UTC))}"}


def teller(subject: str = "teller", audience: str = "till") -> str:
    return sign(Token(BANK, subject, (audience,), life=LIFE), datetime.now(UTC), OWN)


BAD = {"authorization": "Bearer a.b.c"}
FORGED = {"authorization": "Bearer " + sign(Token(SHOP, flaw="forged"), datetime.now(UTC))}


@real
@pytest.mark.parametrize(
    ("to", "headers", "status"),
    [
        ("api", {}, 200),
        ("api", shop(), 200),
        ("api", BAD, 401),
        ("api", FORGED, 401),
        ("needed", {}, 403),
        ("needed", shop(), 200),
        ("denied", {}, 403),
        ("denied", shop(), 200),
        ("admins", shop(), 403),
        ("admins", shop(groups="admin"), 200),
        ("admins", shop(groups=["users", "operators"]), 200),
        ("admins", shop(groups=["users"]), 403),
        ("roles", shop(realm={"roles": ["buyer"]}), 200),
        ("roles", shop(realm={"roles": ["seller"]}), 403),
        ("roles", shop(roles=["buyer"]), 403),
        ("meant", shop(aud="api", azp="web"), 200),
        ("meant", shop(aud=["other", "api"], azp="web"), 200),
        ("meant", shop(aud="api"), 403),
        ("meant", shop(aud="other", azp="web"), 403),
        ("not-guests", shop(sub="guest"), 403),
        ("not-guests", shop(sub="host"), 200),
        ("bank", shop(), 403),
        ("bank", {"x-token": f"Token {teller()}"}, 200),
        ("bank", {"x-token": f"Token {teller('thief')}"}, 403),
        ("bank", {"x-token": f"Token {teller(audience='safe')}"}, 403),
        ("bank", {"x-token": "Token a.b.c"}, 401),
    ],
)
async def test_tokens_are_as_good_as_in_istio(
    mesh: Running, to: str, headers: dict[str, str], status: int
) -> None:
    assert (await mesh.get(to, headers=headers)).status == status


@real
async def test_the_workload_is_told_what_the_rule_says(mesh: Running) -> None:
    answer = await mesh.get("bank", f"/?t={teller()}")
    assert (answer.status, answer.got("x-sub")) == (200, ["teller"])
    (payload,) = answer.got("x-payload")
    assert json.loads(base64.urlsafe_b64decode(payload + "=="))["sub"] == "teller"
    assert "t=" in answer.path
    kept = await mesh.get("bank", headers={"x-token": f"Token {teller()}"})
    assert kept.got("x-token")
    assert not (await mesh.get("api", headers=shop())).got("authorization")


def test_keys_that_nobody_serves_here_are_those_of_tests(imported: Import, told: Told) -> None:
    rules = (
        "{jwtRules: [{issuer: a}, {issuer: b, jwksUri: 'http://api/k', timeout: 2s}, "
        "{issuer: c, jwksUri: 'https://x.y/k'}, {issuer: d, jwksUri: 'http://[', novelty: 1,"
        " spaceDelimitedClaims: [scope, roles]}]}"
    )
    mine = "mesh: {services: {api: {run: python3 keys.py}}}\n"
    draft = imported(mine, service("web"), authentication("x", rules))
    (jwt,) = draft.filters_before("web")
    keys = {each.name: each.keys for each in jwt.config.issuers}
    assert (str(keys["b"].service), keys["b"].path, keys["b"].timeout.seconds) == ("api", "/k", 2)
    assert all("keys" in json.loads(keys[name]) for name in "acd")
    lines = "\n".join(told(draft))
    assert "no keys in the files: an issuer for tests instead, for which 'meshloom token'" in lines
    assert "jwksUri is not fetched" in lines
    assert "not imported yet: jwtRules.novelty" in lines
    assert "jwtRules.spaceDelimitedClaims: roles" in lines


def test_policies_of_a_workload_add_up_and_an_issuer_is_there_once(
    imported: Import, told: Told
) -> None:
    draft = imported(
        service("web"),
        authentication("everywhere", "{jwtRules: [{issuer: a}]}", "istio-system"),
        authentication("here", "{jwtRules: [{issuer: b}, {issuer: a}]}"),
        authentication("v1", "{selector: {matchLabels: {version: v1}}, jwtRules: [{issuer: c}]}"),
        authentication("elsewhere", "{jwtRules: [{issuer: d}]}", "far"),
    )
    (jwt,) = draft.filters_before("web")
    assert [each.name for each in jwt.config.issuers] == ["a", "b", "c"]
    assert any("issuer 'a' is at 2.yaml" in line for line in told(draft))


def test_it_may_stand_at_the_ingress(imported: Import, vs: Callable[..., str]) -> None:
    route = vs("- route: [{destination: {host: web}}]", hosts="['*']", gateways="[g]")
    selector = "selector: {matchLabels: {istio: ingressgateway}}"
    tokens = authentication("x", f"{{{selector}, jwtRules: [{{issuer: a}}]}}", "istio-system")
    draft = imported(service("web"), route, tokens)
    (jwt,) = draft.filters_on(draft.edges["ingress", "web"])
    assert (jwt.kind, draft.filters_before("web")) == ("jwt", ())


def test_a_rule_without_an_issuer_is_refused(refusal: Callable[..., str]) -> None:
    wrong = authentication("x", "{jwtRules: [{jwks: '{}'}]}")
    assert "a rule has no 'issuer'" in refusal(service("web"), wrong)
