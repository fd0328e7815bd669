"""The door to Envoy's messages: plain dataclasses that still refuse what they do not have."""

from __future__ import annotations

from datetime import timedelta

import pydantic
import pytest

from xds_server.protos import class_of, cluster, message_pool, protobuf, route


def test_an_unknown_field_is_refused_by_name() -> None:
    with pytest.raises(TypeError, match="Cluster: got fields that it does not have: foo, nme"):
        cluster.Cluster(nme="a", foo=1)  # type: ignore[call-arg] # wrong on purpose


def test_every_message_can_be_made_empty_and_shares_nothing() -> None:
    for cls in message_pool.type_to_url:
        assert not cls()
    one, other = cluster.Cluster(), cluster.Cluster()
    one.filters.append(cluster.Filter())
    assert other.filters == []


def test_fields_may_be_given_in_their_order() -> None:
    half = protobuf.Duration(1, 500_000_000)
    assert half == protobuf.Duration(seconds=1, nanos=500_000_000)
    assert half == protobuf.Duration.from_timedelta(timedelta(seconds=1.5))


def test_a_message_holds_what_it_was_given_and_shows_the_rest_as_zeros() -> None:
    made = cluster.Cluster(name="a")
    assert (made.alt_stat_name, made.connect_timeout, made.load_assignment) == ("", None, None)
    assert made.health_checks == [] == made.health_checks
    assert made == cluster.Cluster(name="a", alt_stat_name="", health_checks=[])
    assert cluster.Cluster(name="a").health_checks is not made.health_checks
    assert vars(cluster.Cluster(name="a")) == {"name": "a"}


def test_a_deprecated_field_is_still_told_apart() -> None:
    with pytest.warns(DeprecationWarning, match="HeaderMatcher.exact_match is deprecated"):
        route.HeaderMatcher(name="a", exact_match="b")


def test_pydantic_is_itself_again_once_the_messages_are_there() -> None:
    @pydantic.dataclasses.dataclass
    class Checked:
        number: int

        @pydantic.model_validator(mode="after")
        def positive(self) -> Checked:
            assert self.number > 0
            return self

    with pytest.raises(pydantic.ValidationError):
        Checked(number="no")  # type: ignore[arg-type] # wrong on purpose
    with pytest.raises(pydantic.ValidationError):
        Checked(number=-1)


def test_the_class_of_a_message_is_found_though_nobody_imported_its_package() -> None:
    found = class_of(
        "type.googleapis.com/envoy.extensions.filters.http.health_check.v3.HealthCheck"
    )
    assert found
    assert found.__name__ == "HealthCheck"


@pytest.mark.parametrize(
    "type_url",
    [
        "",
        "x",
        "a/os.path",
        "a/envoy.no.such.v3.Thing",
        "a/envoy..v3.X",
        "a/envoy.config.cluster.v3.No",
    ],
)
def test_what_is_no_message_of_envoys_has_no_class(type_url: str) -> None:
    assert class_of(type_url) is None
