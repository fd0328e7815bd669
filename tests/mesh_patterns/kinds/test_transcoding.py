from __future__ import annotations

from pathlib import Path

import pytest
from google.protobuf import descriptor_pb2

from tests.mesh_patterns.conftest import Read, Refusal

MESH = "mesh: {services: {shop: {protocol: grpc}, web: }}\npatterns:\n"


@pytest.fixture
def descriptors(tmp_path: Path) -> Path:
    made = descriptor_pb2.FileDescriptorSet()
    file = made.file.add(name="shop.proto", package="shop")
    file.service.add(name="Prices")
    file.service.add(name="Stocks")
    path = tmp_path / "shop.pb"
    path.write_bytes(made.SerializeToString())
    return path


def test_all_services_of_the_set_are_served_or_those_that_are_named(
    read: Read, descriptors: Path
) -> None:
    text = f"{MESH}- {{pattern: transcoding, on: shop, descriptors: {descriptors}%s}}"
    assert read(text % "").filters[0].config.services == ("shop.Prices", "shop.Stocks")
    named = read(text % ", services: shop.Stocks")
    assert named.filters[0].config.services == ("shop.Stocks",)
    assert descriptors in named.all_files()


def test_a_service_that_is_not_there_is_told_with_the_nearest(
    refusal: Refusal, descriptors: Path
) -> None:
    keys = f"descriptors: {descriptors}, services: [shop.Price]"
    told = refusal(f"{MESH}- {{pattern: transcoding, on: shop, {keys}}}")
    assert "has no service 'shop.Price'; did you mean 'shop.Prices'?" in told


@pytest.mark.parametrize(
    ("content", "told"),
    [(b"\xff\xff", "is no descriptor set"), (b"", "has no services"), (None, "can't read")],
)
def test_what_is_no_descriptor_set_is_refused(
    refusal: Refusal, tmp_path: Path, content: bytes | None, told: str
) -> None:
    path = tmp_path / "junk.pb"
    if content is not None:
        path.write_bytes(content)
    assert told in refusal(f"{MESH}- {{pattern: transcoding, on: shop, descriptors: {path}}}")


def test_json_becomes_grpc_only_for_who_speaks_it(refusal: Refusal, descriptors: Path) -> None:
    text = f"{MESH}- {{pattern: transcoding, on: web, descriptors: {descriptors}}}"
    assert refusal(text).startswith("3:30: 'web' has to speak gRPC")
