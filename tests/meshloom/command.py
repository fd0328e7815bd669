"""``meshloom`` as a process of its own: run to its end, or kept up and listened to."""

from __future__ import annotations

import http.client
import io
import json
import queue
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from unittest import mock
from urllib.parse import urlsplit

from meshloom.__main__ import main
from mini_mesh.processes import guardian
from tests.mini_mesh.live import needs_envoy

MESHLOOM = (sys.executable, "-m", "meshloom")
PATIENCE = 30  # seconds; nothing here takes one


@dataclass(frozen=True)
class Done:
    """What a command said, and its exit code."""

    code: int
    out: str
    err: str

    @property
    def events(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.out.splitlines()]


def inside(*arguments: str | Path) -> Done:
    """Run a command to its end in this process: 0.3 s less, and a traceback is an error here."""
    told, err = io.BytesIO(), io.StringIO()  # some commands write bytes
    out = io.TextIOWrapper(told, "utf-8", write_through=True)
    argv = ["meshloom", *map(str, arguments)]
    with mock.patch.object(sys, "argv", argv), redirect_stdout(out), redirect_stderr(err):
        try:
            main()
        except SystemExit as left:
            code = left.code
    assert isinstance(code, int)
    return Done(code, told.getvalue().decode(), err.getvalue())


def meshloom(*arguments: str | Path) -> Done:
    """Run a command to its end."""
    done = subprocess.run(
        [*MESHLOOM, *map(str, arguments)], capture_output=True, text=True, timeout=PATIENCE
    )
    return Done(done.returncode, done.stdout, done.stderr)


class Up:
    """A ``meshloom up --json``. Its events are read as they come."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self.process = process
        self.seen: list[dict[str, Any]] = []
        self._events: queue.Queue[dict[str, Any] | None] = queue.Queue()
        self._reader = threading.Thread(target=self._read)
        self._reader.start()

    def _read(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self._events.put(json.loads(line))
        self._events.put(None)

    def until(self, called: str, **wanted: Any) -> dict[str, Any]:
        """The next event that is ``called`` so and has these values."""
        while (event := self._events.get(timeout=PATIENCE)) is not None:
            self.seen.append(event)
            if event["event"] == called and wanted.items() <= event.items():
                return event
        raise AssertionError(f"no {called} {wanted}, but {self.seen}")

    def ready(self) -> dict[str, Any]:
        return self.until("ready")

    def stop(self, number: int = signal.SIGINT) -> Done:
        """Ask it to end; what it said since, and its exit code."""
        self.process.send_signal(number)
        return self.end()

    def end(self) -> Done:
        assert self.process.stderr is not None
        code = self.process.wait(timeout=PATIENCE)
        self._reader.join()
        said = [event for event in iter(self._events.get, None) if event]
        self.seen += said
        return Done(code, "\n".join(map(json.dumps, said)), self.process.stderr.read())


@contextmanager
def up(*arguments: str | Path) -> Iterator[Up]:
    """A mesh that starts now, and has ended afterwards."""
    needs_envoy()
    with kept("up", "--json", *arguments) as mesh:
        yield mesh


@contextmanager
def kept(*arguments: str | Path) -> Iterator[Up]:
    """A command that goes on, and tells events, until it is asked to end."""
    command = [*MESHLOOM, *map(str, arguments)]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, stdout=pipe, stderr=pipe, text=True) as process:
        mesh = Up(process)
        try:
            yield mesh
        finally:
            if process.poll() is None:
                process.send_signal(signal.SIGINT)
                process.wait(timeout=PATIENCE)
            mesh._reader.join()


@dataclass(frozen=True)
class Answer:
    status: int
    headers: dict[str, str]
    text: str

    @property
    def json(self) -> Any:
        return json.loads(self.text)


def get(url: str, **headers: str) -> Answer:
    """One request on a connection of its own."""
    parts = urlsplit(url)
    connection = http.client.HTTPConnection(parts.netloc, timeout=PATIENCE)
    try:
        fields = {name.replace("_", "-"): value for name, value in headers.items()}
        connection.request("GET", parts.path or "/", headers=fields)
        response = connection.getresponse()
        named = {name.lower(): value for name, value in response.getheaders()}
        return Answer(response.status, named, response.read().decode())
    finally:
        connection.close()


def mark_of(pid: int) -> str:
    """The mark that a process of a mesh carries."""
    variable = guardian.MARK_VARIABLE.encode() + b"="
    fields = Path(f"/proc/{pid}/environ").read_bytes().split(b"\0")
    return next(field for field in fields if field.startswith(variable))[len(variable) :].decode()


def marks_below(pid: int) -> set[str]:
    """The marks of all children that ``pid`` has now."""
    found = set()
    for task in Path(f"/proc/{pid}/task").glob("*/children"):
        for child in task.read_text().split():
            try:
                found.add(mark_of(int(child)))
            except (OSError, StopIteration):
                continue
    return found


def orphans(mark: str, seconds: float = 4.0) -> set[int]:
    """What still carries ``mark`` after it had time to end."""
    deadline = time.monotonic() + seconds
    while (left := set(guardian.marked(mark))) and time.monotonic() < deadline:
        time.sleep(0.01)
    return left


def write(folder: Path, text: str, name: str = "mesh.yaml") -> Path:
    file = folder / name
    file.write_text(text)
    return file
