"""How SMP's fields are written: as its messages have them, and as they had them in older versions.

Protobuf's JSON has lowerCamelCase, and takes both (ProtoJSON, "JSON names").
"""

from __future__ import annotations

import re
from typing import Any

from pydantic import AliasChoices, AliasGenerator, ConfigDict, model_validator

from mesh_yaml.spec import Spec

# What a field was called before, in protos/service_mesh_performance.proto of earlier versions.
BEFORE: dict[str, tuple[str, ...]] = {
    "actual_qps": ("actual_QPS", "actualQPS"),
    "cpu_mcores": ("cpu_mCores", "cpuMCores"),
    "endpoint_urls": ("endpoint_url", "endpointUrl"),
    "nodes": ("node",),
    "smp_version": ("smps_version", "smpsVersion", "SMPSVersion"),
    "clients": ("client",),
}
_PART = re.compile(r"_([a-z0-9])")


def camel(name: str) -> str:
    """``smpVersion`` of ``smp_version``."""
    return _PART.sub(lambda found: found[1].upper(), name)


def spellings(name: str) -> tuple[str, ...]:
    """All ways to write a field, the usual one first."""
    return (name, *dict.fromkeys((camel(name), *BEFORE.get(name, ()))))


class Message(Spec):
    """The base of SMP's messages: what it does not have is an error, at its line."""

    model_config = ConfigDict(
        extra="forbid",
        frozen=True,
        alias_generator=AliasGenerator(validation_alias=lambda n: AliasChoices(*spellings(n))),
        populate_by_name=True,
    )

    @model_validator(mode="before")
    @classmethod
    def _without_nulls(cls, told: Any) -> Any:
        """A null is a field that is not set (ProtoJSON, "null")."""
        if not isinstance(told, dict):
            return told
        return {name: value for name, value in told.items() if value is not None}

    def plain(self) -> dict[str, Any]:
        """What is set, with the spec's own names, in the order of its messages."""
        return self.model_dump(mode="json", by_alias=False, exclude_defaults=True)
