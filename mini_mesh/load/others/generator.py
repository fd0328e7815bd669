"""The door to load generators of others: which is installed, and a load sent by one of them."""

from __future__ import annotations

import asyncio
import shutil
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from mesh_yaml.suggest import suggest
from mini_mesh.load import process
from mini_mesh.load.load import Load, LoadError
from mini_mesh.load.others import fortio, oha, vegeta
from mini_mesh.load.result import Result

OWN = "meshloom"
AUTO = "auto"
SLACK = 30.0  # seconds beyond the load's own time until a program is ended


@dataclass(frozen=True, slots=True)
class Generator:
    """How a program is told a load, and its answer read. ``open_loop``: it may be used unasked."""

    open_loop: bool
    fits: Callable[[Load], str]
    commands: Callable[[str, Load, Path], Sequence[tuple[Sequence[str], bytes]]]
    read: Callable[[bytes, Load], Result]


GENERATORS: Mapping[str, Generator] = {
    "vegeta": Generator(True, vegeta.fits, vegeta.commands, vegeta.read),
    "oha": Generator(True, oha.fits, oha.commands, oha.read),
    "fortio": Generator(False, fortio.fits, fortio.commands, fortio.read),
}


def choose(wanted: str, load: Load) -> str:
    """Who sends it. ``auto`` is the first that is installed, open loop, and able to; else our own.

    Raises ``LoadError`` for one that is unknown, not installed, or not able to.
    """
    if wanted == AUTO:
        able = (name for name, it in GENERATORS.items() if it.open_loop and not it.fits(load))
        return next((name for name in able if shutil.which(name)), OWN)
    if wanted == OWN:
        return OWN
    if wanted not in GENERATORS:
        known = [AUTO, OWN, *GENERATORS]
        raise LoadError(f"no load generator {wanted!r}{suggest(wanted, known)}")
    if not shutil.which(wanted):
        raise LoadError(f"{wanted} is not installed")
    if why := GENERATORS[wanted].fits(load):
        raise LoadError(why)
    return wanted


async def drive(name: str, load: Load, processes: int = 1) -> Result:
    """Send it all by the generator of this name. Raises ``LoadError``."""
    if name == OWN:
        return await process.drive(load, processes)
    other, program = GENERATORS[name], shutil.which(name)
    assert program is not None
    out = b""
    with tempfile.TemporaryDirectory(prefix="meshloom-load-") as folder:
        within = load.warm_up + load.seconds + load.timeout + SLACK
        for command, given in other.commands(program, load, Path(folder)):
            out = await _run(name, command, given, within)
    return other.read(out, load)


async def _run(name: str, command: Sequence[str], given: bytes, within: float) -> bytes:
    pipe = asyncio.subprocess.PIPE
    running = await asyncio.create_subprocess_exec(*command, stdin=pipe, stdout=pipe, stderr=pipe)
    try:
        out, err = await asyncio.wait_for(running.communicate(given), within)
    except TimeoutError as error:
        raise LoadError(f"{name} did not end") from error
    finally:
        if running.returncode is None:
            running.kill()
            await running.wait()
    if running.returncode:
        lines = err.decode(errors="replace").strip().splitlines() or ["it said nothing"]
        raise LoadError(f"{name} ended: {lines[-1]}")
    return out
