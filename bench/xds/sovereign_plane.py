"""The Python peer: ``sovereign`` of PyPI, in an environment of its own, never in ours.

It serves the resources of one JSON file by REST-JSON. Its templates are Python, the fastest that it
has, or Jinja, whose output it reads as YAML at every poll. It reads the file once a second, the
least that it takes; its cache needs a Redis and is off.
"""

from __future__ import annotations

import asyncio
import json
import os
import socket
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

VERSION = "0.32.12"
REFRESH = 1  # seconds between two looks at the file
PATIENCE = 60.0
# for each language: how it is loaded, and a template of one type
TEMPLATES = {
    "python": (
        {"protocol": "python", "serialization": "passthrough"},
        'def call(*args, **context):\n    yield from context["mesh"]["%s"]\n',
    ),
    "jinja": (
        {"protocol": "file", "serialization": "jinja"},
        '{"resources": {{ mesh["%s"] | tojson }}}\n',
    ),
}


def install() -> Path:
    """Its command; installed when it is first asked for, in the user's cache folder."""
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    folder = cache / "meshloom-bench" / f"sovereign-{VERSION}"
    command = folder / "bin" / "sovereign"
    if not command.exists():
        subprocess.run([sys.executable, "-m", "venv", folder], check=True)
        pip = (folder / "bin" / "python", "-m", "pip", "install", "--quiet")
        subprocess.run([*pip, f"sovereign=={VERSION}"], check=True)
    return command


def _configure(folder: Path, mesh: Path, language: str) -> Path:
    loaded, text = TEMPLATES[language]
    templates = []
    for noun in json.loads(mesh.read_text()):
        template = folder / f"{noun}.{language}"
        template.write_text(text % noun)
        templates.append({"type": noun, "spec": {**loaded, "path": str(template)}})
    source = {"protocol": "file", "serialization": "json", "path": str(mesh)}
    config = {
        "templates": {"default": templates},
        "template_context": {"refresh_rate": REFRESH, "context": {"mesh": source}},
        "logging": {"access_logs": {"enabled": False}},
    }
    file = folder / "sovereign.json"
    file.write_text(json.dumps(config))
    return file


def _free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        port: int = one.getsockname()[1]
    return port


@asynccontextmanager
async def running(folder: Path, mesh: Path, language: str) -> AsyncIterator[tuple[int, int]]:
    """Its port, and the session id of its processes; one worker."""
    port = _free_port()
    environment = {
        **os.environ,
        "SOVEREIGN_CONFIG": f"file+json://{_configure(folder, mesh, language)}",
        "SOVEREIGN_HOST": "127.0.0.1",
        "SOVEREIGN_PORT": str(port),
        "SOVEREIGN_WORKERS": "1",
    }
    with (folder / "log").open("wb") as log:
        process = await asyncio.create_subprocess_exec(
            install(), env=environment, cwd=folder, stdout=log, stderr=log, start_new_session=True
        )
    try:
        await _listens(process, port, folder / "log")
        yield port, process.pid
    finally:
        if process.returncode is None:
            process.terminate()
        await process.wait()


async def _listens(process: asyncio.subprocess.Process, port: int, log: Path) -> None:
    async with asyncio.timeout(PATIENCE):
        while True:
            try:
                _, writer = await asyncio.open_connection("127.0.0.1", port)
            except OSError:
                await asyncio.sleep(0.05)
                if process.returncode is not None:
                    raise RuntimeError(f"sovereign ended: see {log}") from None
            else:
                writer.close()
                return
