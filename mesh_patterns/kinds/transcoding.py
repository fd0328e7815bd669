"""Transcoding: JSON over HTTP in, gRPC to the workload, JSON back.

Envoy: the gRPC-JSON transcoder, in front of the workload. Methods are known from a descriptor set
(``protoc --include_imports --descriptor_set_out=shop.pb shop.proto``); which path leads to which
method is what ``google.api.http`` says of it, or ``POST /package.Service/Method``.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from pydantic import Field

from mesh_patterns import files
from mesh_patterns.draft import Draft
from mesh_patterns.kinds import http_filter
from mesh_patterns.kinds.http_filter import HttpFilterSpec
from mesh_patterns.selector import inbound, is_edge, speaking_grpc
from mesh_yaml.place import DocumentError
from mesh_yaml.spec import OneOrMore, SomeText
from mesh_yaml.suggest import suggest

MAX_DESCRIPTORS = 16 * 2**20  # bytes; Envoy parses them once for each listener

Names = OneOrMore[SomeText]


@dataclass(frozen=True, slots=True)
class Transcoding:
    """``descriptors`` is a serialised ``FileDescriptorSet`` that has all ``services``."""

    descriptors: bytes
    services: tuple[str, ...]
    auto: bool
    ignore_unknown: bool
    whole: bool


class TranscodingSpec(HttpFilterSpec):
    """Let clients that speak JSON call gRPC methods."""

    descriptors: str = Field(description="a descriptor set, from the pattern file's folder")
    services: Names = Field(
        [], description="of gRPC, with their packages; all that the set has if absent"
    )
    auto: bool = Field(True, description="POST /package.Service/Method for every method")
    ignore_unknown: bool = Field(
        False, description="drop query parameters that no field has, instead of 400"
    )
    whole: bool = Field(False, description="answers have fields with default values too")


def apply(spec: TranscodingSpec, draft: Draft) -> None:
    place = spec.place("on")
    for each in [] if is_edge(spec.on) else inbound(draft.mesh, spec.on, place):
        speaking_grpc(draft.mesh, each.service, place)
    file = files.beside(spec.place("descriptors"), spec.descriptors)
    draft.files.append(file)
    data = files.read(file, spec.place("descriptors"), MAX_DESCRIPTORS)
    services = _services(spec, data, file)
    meaning = Transcoding(data, services, spec.auto, spec.ignore_unknown, spec.whole)
    http_filter.add(spec, draft, file.stem, meaning)


def _services(spec: TranscodingSpec, data: bytes, file: Path) -> tuple[str, ...]:
    """The services that are wanted, all of which the set has."""
    from mesh_patterns import descriptors  # with a library that few meshes need

    place = spec.place("descriptors")
    try:
        known = descriptors.services(data)
    except descriptors.NoDescriptors as error:
        raise DocumentError.at(place, f"{file} {error}") from error
    if not known:
        raise DocumentError.at(place, f"{file} has no services")
    for at, name in enumerate(spec.services):
        if name not in known:
            message = f"{file} has no service {name!r}{suggest(name, known)}"
            raise DocumentError.at(spec.place("services", at), message)
    return tuple(spec.services or known)
