"""What aborts Envoy can't be asked for: first that it does abort, then that no request says it."""

from __future__ import annotations

import asyncio
import json
import signal
import subprocess
from collections.abc import Mapping
from contextlib import suppress
from itertools import product
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from google.protobuf import json_format
from hypothesis import given
from hypothesis import strategies as st

from tap.traces.request import (
    ANY,
    MAX_BODY_BYTES,
    SOCKETS,
    SOCKETS_REQUEST,
    AllOf,
    AnyOf,
    HeaderIn,
    HeaderIs,
    Rule,
    TapRequest,
)
from tests.tap.conftest import TAP_FILTER, Envoy
from tests.tap.sockets.secured import tapped
from tests.tap.watched import ask
from xds_server.errors import ResourceError
from xds_server.mirror import mirror_class
from xds_server.protos import core, protobuf, socket_tap, tap, tap_config
from xds_server.resource import Resource

GRPC = {"grpc_service": {"envoy_grpc": {"cluster_name": "captures"}}}
SINKS: Mapping[str, Mapping[str, Any]] = {
    "streaming_admin": {},
    "buffered_admin": {"max_traces": 1},
    "streaming_grpc": GRPC,
    "file_per_tap": {"path_prefix": "/tmp/meshloom-never-written"},
}
FORMATS = tuple(one.name for one in sorted(tap_config.OutputSinkFormat, key=int))
DEADLY = {
    *product(("streaming_admin",), FORMATS[2:]),
    *product(("buffered_admin",), ("PROTO_BINARY", "PROTO_TEXT")),
    *product(("streaming_grpc",), FORMATS),
}
TAP = TAP_FILTER["typed_config"]["@type"]
ABORTED = -signal.SIGABRT
RAW = {
    "name": "envoy.transport_sockets.raw_buffer",
    "typed_config": {
        "@type": "type.googleapis.com/envoy.extensions.transport_sockets.raw_buffer.v3.RawBuffer"
    },
}


def test_the_formats_are_all_that_envoy_has() -> None:
    assert FORMATS == (
        "JSON_BODY_AS_BYTES",
        "JSON_BODY_AS_STRING",
        "PROTO_BINARY",
        "PROTO_BINARY_LENGTH_DELIMITED",
        "PROTO_TEXT",
    )


def output(sink: str, form: str) -> dict[str, Any]:
    match = {"match": {"any_match": True}}
    one = {"format": form, sink: SINKS[sink]}
    return {**match, "output_config": {"sinks": [one]}}


async def test_these_bodies_do_abort_a_real_envoy_and_ours_does_not(
    envoy: Envoy, tmp_path: Path
) -> None:
    """The reason of all that follows: while this holds, nobody may send them."""
    for sink, form in sorted(DEADLY):
        posted = {"config_id": "meshloom", "tap_config": output(sink, form)}
        assert await fate(envoy, tmp_path, posted) == ABORTED, (sink, form)
    without_match = TapRequest().body()
    del without_match["tap_config"]["match"]  # type: ignore[attr-defined] # it is JSON
    assert await fate(envoy, tmp_path, without_match) == ABORTED
    assert await fate(envoy, tmp_path, TapRequest().body()) is None


async def test_with_taps_in_its_sockets_the_same_aborts_it_and_ours_does_not(
    envoy: Envoy, tmp_path: Path
) -> None:
    for sink, form in sorted(DEADLY):
        posted = {"config_id": "meshloom", "tap_config": output(sink, form)}
        victim = OnlySockets(envoy.binary, tmp_path, envoy.upstream)
        assert await fate(envoy, tmp_path, posted, victim) == ABORTED, (sink, form)
    for request in (TapRequest(), SOCKETS_REQUEST, TapRequest(streamed=True)):
        victim = OnlySockets(envoy.binary, tmp_path, envoy.upstream)
        assert await fate(envoy, tmp_path, request.body(), victim) is None


class OnlySockets(Envoy):
    """Its taps are in the transport sockets of its listeners, and nowhere else."""

    def __post_init__(self) -> None:
        super().__post_init__()
        file = self.folder / "envoy.json"
        config = json.loads(file.read_text())
        for one in config["static_resources"]["listeners"]:
            (chain,) = one["filter_chains"]
            del chain["filters"][0]["typed_config"]["http_filters"][0]
            chain["transport_socket"] = tapped(RAW, {"admin_config": {"config_id": "meshloom"}})
        file.write_text(json.dumps(config))


async def fate(
    envoy: Envoy, folder: Path, body: Mapping[str, Any], victim: Envoy | None = None
) -> int | None:
    """The exit code of an Envoy that gets ``body``, and one request; None if it lives."""
    victim = victim or Envoy(envoy.binary, folder, envoy.upstream)
    victim.start()
    process = victim.process
    assert process is not None
    try:
        url = f"http://127.0.0.1:{victim.admin}/tap"
        with suppress(aiohttp.ClientError, TimeoutError):
            async with aiohttp.ClientSession() as session, session.post(url, json=body) as answer:
                if answer.status == 200:
                    await ask(victim.outbound, "/")
                    await asyncio.wait_for(answer.content.readany(), 0.3)
        with suppress(subprocess.TimeoutExpired):
            return await asyncio.to_thread(process.wait, 0.2 if process.poll() is None else 0)
        return None
    finally:
        victim.kill()


def paired(inner: st.SearchStrategy[Rule]) -> st.SearchStrategy[Rule]:
    both = st.tuples(inner, inner)
    return st.builds(AllOf, both) | st.builds(AnyOf, both)


RULES: st.SearchStrategy[Rule] = st.recursive(
    st.sampled_from(
        (ANY, SOCKETS, HeaderIs(":path", "/streaming_grpc"), HeaderIn(":status", 500, 600))
    ),
    lambda inner: (
        st.builds(AllOf, st.tuples(inner, inner)) | st.builds(AnyOf, st.tuples(inner, inner))
    ),
    max_leaves=6,
)
REQUESTS = st.builds(
    TapRequest,
    config_id=st.text(min_size=1),
    request_body=st.integers(0, MAX_BODY_BYTES),
    response_body=st.integers(0, MAX_BODY_BYTES),
    streamed=st.booleans(),
    match=RULES,
)


@given(REQUESTS)
def test_of_all_sinks_and_formats_a_request_can_say_one(request: TapRequest) -> None:
    config: Any = json_format.ParseDict(
        request.body()["tap_config"], mirror_class(tap_config.TapConfig)()
    )
    (sink,) = config.output_config.sinks
    said = [
        (name, form)
        for name, form in product(
            [field.name for field in sink.DESCRIPTOR.oneofs[0].fields], FORMATS
        )
        if sink.WhichOneof("output_sink_type") == name and FORMATS[sink.format] == form
    ]
    assert said == [("streaming_admin", "JSON_BODY_AS_BYTES")]
    assert config.match.WhichOneof("rule") is not None
    assert not DEADLY.intersection(said)


def tapping(envoy: Envoy, folder: Path, config: Mapping[str, Any], in_socket: bool = False) -> int:
    """The exit code of an Envoy that is asked to validate a listener with this tap in it."""
    folder.mkdir(exist_ok=True)
    Envoy(envoy.binary, folder, envoy.upstream)  # writes its bootstrap
    file = folder / "envoy.json"
    bootstrap = json.loads(file.read_text())
    (chain,) = bootstrap["static_resources"]["listeners"][0]["filter_chains"]
    (manager,) = chain["filters"]
    if in_socket:
        chain["transport_socket"] = {"name": "tap", "typed_config": config}
    else:
        manager["typed_config"]["http_filters"][0]["typed_config"] = config
    file.write_text(json.dumps(bootstrap))
    command = [envoy.binary, "-c", file, "--use-dynamic-base-id", "--mode", "validate"]
    done = subprocess.run(command, cwd=folder, capture_output=True, timeout=20, check=False)
    return done.returncode


@pytest.mark.parametrize("sink", SINKS)
def test_by_xds_what_aborts_a_real_envoy_is_refused_and_nothing_else(
    envoy: Envoy, tmp_path: Path, sink: str
) -> None:
    for form in FORMATS:
        config = {"common_config": {"static_config": output(sink, form)}}
        told = tapping(envoy, tmp_path, {"@type": TAP, **config})
        assert (told == ABORTED) == is_refused(config), (sink, form, told)
        assert (told == ABORTED) == (sink == "streaming_grpc")


@pytest.mark.parametrize("sink", SINKS)
def test_in_a_transport_socket_as_well(envoy: Envoy, tmp_path: Path, sink: str) -> None:
    for form in FORMATS[::3]:  # the sink decides
        config = {"common_config": {"static_config": output(sink, form)}}
        made = tapped(RAW, config["common_config"])["typed_config"]
        told = tapping(envoy, tmp_path, made, in_socket=True)
        refused = is_refused(config, made["@type"], socket_tap.Tap)
        assert (told == ABORTED) == refused, (sink, form, told)
        assert (told == ABORTED) == (sink == "streaming_grpc")


def is_refused(config: Mapping[str, Any], url: str = TAP, kind: Any = tap.Tap) -> bool:
    message: Any = json_format.ParseDict(config, mirror_class(kind)())
    packed = protobuf.Any(type_url=url, value=message.SerializeToString())
    try:
        Resource.of(core.TypedExtensionConfig(name="tap", typed_config=packed))
    except ResourceError as error:
        return "output_config.sinks[0].streaming_grpc: aborts Envoy" in str(error)
    return False
