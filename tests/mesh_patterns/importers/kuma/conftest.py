"""Proxies and policies in Kuma's universal form, and what becomes of them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from mesh_patterns.importers.conversion import Converted, convert
from mesh_yaml import yaml

Patterns = Callable[..., list[dict[str, Any]]]


def proxy(name: str, *outbound: str, **tags: str) -> str:
    """A Dataplane; its service is its name up to a dash."""
    service = name.partition("-")[0]
    more = "".join(f", {key}: {value}" for key, value in tags.items())
    calls = ", ".join(f"{{port: 1, tags: {{kuma.io/service: {each}}}}}" for each in outbound)
    return f"""
---
type: Dataplane
mesh: default
name: {name}
networking:
  address: 10.0.0.1
  inbound: [{{port: 1, tags: {{kuma.io/service: {service}, kuma.io/protocol: http{more}}}}}]
  outbound: [{calls}]
"""


def policy(kind: str, spec: str, name: str = "p") -> str:
    return f"\n---\n{{type: {kind}, name: {name}, mesh: default, spec: {spec}}}\n"


SHOP = (
    proxy("web-1", "api")
    + proxy("app-1", "api")
    + proxy("api-1", version="v1")
    + proxy("api-2", version="v2")
)


@pytest.fixture
def converted() -> Callable[..., Converted]:
    return lambda *texts: convert(yaml.parse("".join(texts), "k.yaml"))


@pytest.fixture
def made(converted: Callable[..., Converted]) -> Patterns:
    """``made(text, …)``: the patterns that files are, plain; of one kind if ``kind`` says so."""

    def patterns(*texts: str, kind: str = "") -> list[dict[str, Any]]:
        (tree,) = converted(*texts).trees
        node = tree.get("patterns")
        assert node is not None
        plain: Any = node.plain()
        return [each for each in plain if kind in ("", each["pattern"])]

    return patterns


@pytest.fixture
def said(converted: Callable[..., Converted]) -> Callable[..., list[str]]:
    """``said(text, …)``: the warnings, without the file."""
    return lambda *texts: [
        f"{each.place.line}: {each.message}" for each in converted(*texts).warnings
    ]
