from __future__ import annotations

from mesh_patterns.kinds.envoy_filter import PREFIX, EnvoyFilter
from tests.mesh_patterns.conftest import Read
from xds_server.mirror import render

BUFFER = f"{PREFIX}buffer.v3.Buffer"


def test_it_is_the_message_that_it_says(read: Read) -> None:
    draft = read(f"""\
        mesh: {{services: {{a: }}}}
        patterns:
        - pattern: envoy_filter
          on: a
          config: {{"@type": {BUFFER}, max_request_bytes: 10}}
    """)
    (found,) = draft.filters
    assert (found.name, type(found.config)) == ("envoy_filter.buffer", EnvoyFilter)
    assert render(BUFFER, found.config.body) == {"max_request_bytes": 10}
