"""A place of their own for the meshes that tests bring up, and one mesh that many may look at."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from meshloom.up import DEMO
from tests.meshloom.command import up


@pytest.fixture(autouse=True, scope="session")
def runtime() -> Iterator[Path]:
    """The user's own meshes are not looked at, and a socket's path there is short enough."""
    before = os.environ.get("XDG_RUNTIME_DIR")
    with tempfile.TemporaryDirectory(prefix="ml") as folder:
        os.environ["XDG_RUNTIME_DIR"] = folder
        yield Path(folder)
        del os.environ["XDG_RUNTIME_DIR"]
        if before is not None:
            os.environ["XDG_RUNTIME_DIR"] = before


@pytest.fixture(scope="session")
def demo(runtime: Path) -> Iterator[dict[str, Any]]:
    """The demo, up: what its ready event says."""
    with up(DEMO) as mesh:
        yield mesh.ready()


@pytest.fixture
def alone(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """No mesh is found but the test's own."""
    with tempfile.TemporaryDirectory(prefix="ml") as folder:
        monkeypatch.setenv("XDG_RUNTIME_DIR", folder)
        yield
