from __future__ import annotations

import pytest
from pydantic import TypeAdapter, ValidationError

from mesh_patterns.limits import Key, Status
from xds_server.protos import envoy_type


def test_statuses_are_those_that_envoy_knows() -> None:
    adapter = TypeAdapter(Status)
    for number in range(400, 512):
        if number in list(map(int, envoy_type.StatusCode)):
            assert adapter.validate_python(number) == number
        else:
            with pytest.raises(ValidationError):
                adapter.validate_python(number)


@pytest.mark.parametrize(
    ("key", "entry"),
    [
        (Key("header", "x-user"), "x-user"),
        (Key("query", "q"), "q"),
        (Key("generic", "all"), "generic_key"),
        (Key("remote_address"), "remote_address"),
        (Key("path"), "path"),
    ],
)
def test_an_entry_is_called_as_the_action_calls_it(key: Key, entry: str) -> None:
    assert key.entry == entry
