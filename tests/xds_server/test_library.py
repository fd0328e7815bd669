"""``xds_server`` as a library: cheap to import, any resources, and the example that shows it."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

import xds_server
from tests.xds_server.playbook import CLUSTER, an_assignment
from tests.xds_server.real_envoy import DEADLINE, running_envoy
from xds_server import Resource, ResourceError, ResourceType, Snapshot
from xds_server.protos import cluster, protobuf

ROOT = Path(__file__).parent.parent.parent


def test_the_package_brings_nothing_with_it_before_a_name_is_used() -> None:
    code = (
        "import sys, xds_server\n"
        "heavy = {'grpc', 'google.protobuf', 'envoy_data_plane', 'betterproto2', 'asyncio'}\n"
        "assert not heavy & set(sys.modules), heavy & set(sys.modules)\n"
        "xds_server.NodeInfo\n"
        "assert not heavy & set(sys.modules)\n"
        "assert xds_server.XdsServer.__module__ == 'xds_server.serving.server'\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True, cwd=ROOT)


@pytest.mark.parametrize("name", xds_server.__all__)
def test_every_public_name_is_there(name: str) -> None:
    assert name == "Event" or getattr(xds_server, name).__name__ == name
    assert name in dir(xds_server)


def test_a_name_that_is_not_there_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="'xds_server' has no attribute 'Sotw'"):
        xds_server.Sotw  # noqa: B018


def test_a_version_of_ones_own_is_served_instead_of_the_hash() -> None:
    a = Resource.of(cluster.Cluster(name="a"), version="build-7")
    assert a.version == "build-7"
    assert Snapshot.of([a]).versions(CLUSTER) == {"a": "build-7"}


def test_a_change_of_ones_own_version_is_a_change_of_the_snapshot() -> None:
    message = cluster.Cluster(name="a")
    versions = [Snapshot.of([Resource.of(message, version=v)]).version(CLUSTER) for v in "ab"]
    assert versions[0] != versions[1]


def test_bytes_in_an_any_are_served_as_they_are() -> None:
    body = b"\x0a\x01a\xca\x3e\x03new"  # with a field that nobody here knows
    packed = protobuf.Any(type_url=ResourceType.SECRET.type_url, value=body)
    secret = Resource.of_any(packed, "a", version="3")
    assert (secret.type, secret.name, secret.body, secret.version) == (
        ResourceType.SECRET, "a", body, "3",
    )  # fmt: skip


def test_an_any_of_a_type_that_is_not_served_is_refused() -> None:
    packed = protobuf.Any(type_url="type.googleapis.com/google.protobuf.Empty", value=b"")
    with pytest.raises(ResourceError, match=r"protobuf\.Empty': no discovery service serves"):
        Resource.of_any(packed, "a")


def test_bytes_have_the_hash_that_their_message_has() -> None:
    typed = an_assignment("a")
    assert Resource.of_bytes(typed.type, "a", typed.body).version == typed.version


@asynccontextmanager
async def example() -> AsyncIterator[asyncio.subprocess.Process]:
    pipe = asyncio.subprocess.PIPE
    file = ROOT / "examples" / "control_plane.py"
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-u",  # a line is there when it is said
        str(file),
        "0",
        "0",
        stdin=pipe,
        stdout=pipe,
        cwd=ROOT,
        env={"PYTHONPATH": "."},
    )
    try:
        yield process
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()


async def until(process: asyncio.subprocess.Process, start: str, about: str = "") -> list[str]:
    """What it says until a line starts so and is about that, that one included."""
    said = [await line(process)]
    while not (said[-1].startswith(start) and about in said[-1]):
        said.append(await line(process))
    return said


async def line(process: asyncio.subprocess.Process) -> str:
    assert process.stdout is not None
    return (await asyncio.wait_for(process.stdout.readline(), DEADLINE)).decode().strip()


@pytest.mark.parametrize("variant", ["SotW", "Delta"])
async def test_the_example_serves_an_envoy_and_each_of_its_changes(variant: str) -> None:
    async with example() as process:
        assert process.stdin is not None
        port = int((await line(process)).removeprefix("serving on "))
        async with running_envoy(port, "mine", variant) as envoy:
            came, *_ = await until(process, "Acked(", "ResourceType.LISTENER")
            assert came.startswith("StreamOpened(node=NodeInfo(id='mine'")
            await envoy.until_served("hello")
            process.stdin.write(b"ahoy\n")
            sent, _ = await until(process, "Acked(", "ResourceType.LISTENER")
            assert sent.startswith("Sent(node=NodeInfo(id='mine'")
            await envoy.until_served("ahoy")
        await until(process, "StreamClosed(")
        process.stdin.close()
        assert await asyncio.wait_for(process.wait(), DEADLINE) == 0
