"""A resource as a control plane tells of it: what is to be, was sent and was accepted."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from xds_server import mirror
from xds_server.resource import Resource, ResourceType

_TYPES = {each.title: each for each in ResourceType}


@dataclass(frozen=True, slots=True)
class Pushed:
    """Versions are empty where there is none; ``contents`` and ``origins`` are by version.

    ``error`` is why the node refused it, ``place`` the line that made what it refused.
    """

    type: ResourceType
    name: str
    to_be: str
    sent: str
    accepted: str
    contents: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    origins: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    error: str = ""
    place: str | None = None

    @property
    def content(self) -> Mapping[str, Any]:
        """What is to be; empty where it is to be gone, or nobody remembers."""
        return self.contents.get(self.to_be, {})

    def place_of(self, path: str) -> str | None:
        """The line that made a field, by the longest part of its path that has one."""
        origins = self.origins.get(self.to_be) or self.origins.get(self.accepted) or {}
        parts = re.findall(r"\[[^\]]*\]|\.?[^.\[]+", path)
        for length in range(len(parts), -1, -1):
            place = origins.get("".join(parts[:length]))
            if place is not None:
                return place
        return None


def of_resource(resource: Resource) -> Pushed:
    """One that is to be, and was not sent to anybody."""
    content = mirror.render(resource.type.type_url, resource.body)
    version = resource.version
    contents, origins = {version: content}, {version: resource.origins}
    return Pushed(resource.type, resource.name, version, "", "", contents, origins)


def read(resources: Iterable[Mapping[str, Any]]) -> list[Pushed]:
    """From what ``Contents`` of a control plane answers; types that are not known are left out."""
    return [
        Pushed(
            _TYPES[each["type"]],
            each["name"],
            each["to_be"],
            each["sent"],
            each["accepted"],
            {version: held["content"] for version, held in each["contents"].items()},
            {version: held["origins"] for version, held in each["contents"].items()},
            each["error"],
            each["place"],
        )
        for each in resources
        if each["type"] in _TYPES
    ]
