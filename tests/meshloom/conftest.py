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
    """The user's own meshes and stores are not looked at, and a socket's path is short enough."""
    before = dict(os.environ)
    with tempfile.TemporaryDirectory(prefix="ml") as folder:
        os.environ.update(XDG_RUNTIME_DIR=folder, XDG_STATE_HOME=f"{folder}/state")
        yield Path(folder)
    for name in ("XDG_RUNTIME_DIR", "XDG_STATE_HOME"):
        del os.environ[name]
        if name in before:
            os.environ[name] = before[name]


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
        monkeypatch.setenv("XDG_STATE_HOME", f"{folder}/state")
        yield
