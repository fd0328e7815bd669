from __future__ import annotations

from mesh_patterns.compile.filters.envoy_filter import message
from mesh_patterns.kinds.envoy_filter import EnvoyFilter


def test_the_message_is_handed_on_as_it_is() -> None:
    made = message(EnvoyFilter("type.googleapis.com/x.Y", b"bytes"))
    assert (made.type_url, made.value) == ("type.googleapis.com/x.Y", b"bytes")
