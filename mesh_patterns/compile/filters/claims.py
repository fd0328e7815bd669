"""Who somebody is by his token, as Envoy's RBAC filter asks for it: in what jwt_authn found.

https://www.envoyproxy.io/docs/envoy/latest/configuration/advanced/well_known_dynamic_metadata
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from typing import Any

from mesh_patterns.compile.values import string_matcher
from mesh_patterns.policy import Access, Claim, TokenName
from mesh_yaml.matching import StringMatch
from xds_server.protos import matcher, rbac

METADATA = "envoy.filters.http.jwt_authn"  # where the claims of a good token are found
PAYLOAD = "payload"  # and under which key


def principals(access: Access) -> Iterator[rbac.Principal]:
    """What the token has to be; each of these must hold."""
    if access.tokens:
        yield any_of([_token(name) for name in access.tokens])
    for path, matches in access.claims:
        yield any_of([_claim(path, match) for match in matches])


def all_of(found: Sequence[rbac.Principal]) -> rbac.Principal:
    """One stands for itself, several stand together."""
    if len(found) == 1:
        return found[0]
    return rbac.Principal(and_ids=rbac.PrincipalSet(ids=list(found)))


def any_of(found: Sequence[rbac.Principal]) -> rbac.Principal:
    """The same where one of them is enough."""
    if len(found) == 1:
        return found[0]
    return rbac.Principal(or_ids=rbac.PrincipalSet(ids=list(found)))


def _token(name: TokenName) -> rbac.Principal:
    """Both are there in a token that somebody may have; of any, only that it is there."""
    some = StringMatch("present")
    parts = ((("iss",), name.issuer or some), (("sub",), name.subject or some))
    return all_of([_claim(path, match) for path, match in parts])


def _claim(path: Claim, match: StringMatch) -> rbac.Principal:
    found = rbac.Principal(
        sourced_metadata=rbac.SourcedMetadata(
            metadata_matcher=matcher.MetadataMatcher(
                filter=METADATA,
                path=[matcher.MetadataMatcherPathSegment(key=key) for key in (PAYLOAD, *path)],
                value=_value(match),
            )
        )
    )
    return rbac.Principal(not_id=found) if match.invert else found


def _value(match: StringMatch) -> matcher.ValueMatcher:
    """A claim is a text, a number, true or false, or a list of them."""
    if match.kind == "present":
        return matcher.ValueMatcher(present_match=True)
    plain = list(_plain(match))
    listed = [matcher.ValueMatcher(list_match=matcher.ListMatcher(one_of=each)) for each in plain]
    return matcher.ValueMatcher(or_match=matcher.OrMatcher(value_matchers=[*plain, *listed]))


def _plain(match: StringMatch) -> Iterable[matcher.ValueMatcher]:
    yield matcher.ValueMatcher(string_match=string_matcher(match))
    if match.kind != "exact":
        return
    if match.text in ("true", "false"):
        yield matcher.ValueMatcher(bool_match=match.text == "true")
    with suppress(ValueError):
        number: Any = matcher.DoubleMatcher(exact=float(match.text))
        yield matcher.ValueMatcher(double_match=number)
