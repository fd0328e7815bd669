"""What a running mesh says to the person in front of it, or to the program behind a pipe."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterable
from dataclasses import asdict
from pathlib import Path
from typing import Any, Protocol

import typer

from mesh_yaml.place import Problem
from meshloom.output import as_json, emit
from mini_mesh.events import (
    Applied,
    Event,
    Exited,
    Federated,
    Grew,
    InEffect,
    NotRolledBack,
    Ready,
    Refused,
    Renewed,
    Restarted,
    RolledBack,
    TurnedAway,
)


class Report(Protocol):
    """Told of everything, in order."""

    def starting(self, mesh: str, envoy: str) -> None: ...
    def warned(self, problems: Iterable[Problem]) -> None: ...
    def heard(self, event: Event) -> None: ...
    def changed(self, files: Iterable[Path], what: str) -> None: ...
    def rejected(self, problems: Iterable[Problem]) -> None: ...
    def followed(self) -> None: ...
    def stopped(self) -> None: ...


class JsonReport:
    """One JSON object a line; ``"event": "ready"`` carries every address."""

    def starting(self, mesh: str, envoy: str) -> None:
        emit("starting", mesh=mesh, envoy=envoy)

    def warned(self, problems: Iterable[Problem]) -> None:
        for problem in as_json(problems):
            emit("warning", **problem)

    def heard(self, event: Event) -> None:
        match event:
            case Ready(seconds, state):
                emit("ready", seconds=round(seconds, 3), **state)
            case _:
                emit(_NAMES[type(event)], **asdict(event))

    def changed(self, files: Iterable[Path], what: str) -> None:
        emit("changed", files=[str(file) for file in files], what=what)

    def rejected(self, problems: Iterable[Problem]) -> None:
        emit("rejected", problems=as_json(problems))

    def followed(self) -> None:
        """Nothing: the Envoys' own events say it."""

    def stopped(self) -> None:
        emit("stopped")


_NAMES: dict[type[Any], str] = {
    Applied: "applied",
    InEffect: "in_effect",
    Refused: "refused",
    Exited: "exited",
    Restarted: "restarted",
    Renewed: "renewed",
    RolledBack: "rolled_back",
    NotRolledBack: "not_rolled_back",
    TurnedAway: "turned_away",
    Grew: "grew",
    Federated: "federated",
}


class TextReport:
    """Lines for people: the table once, then what changes."""

    def __init__(self, returns: bool = False) -> None:
        self.returns = returns  # whether a refusal takes the mesh back, which is told then
        self._applied: dict[str, float] = {}
        self._ready = False
        self._change = ""  # what is on its way to the Envoys
        self._unneeded = False  # whether no Envoy had to be told of it
        self._clients = "Envoys"

    def starting(self, mesh: str, envoy: str) -> None:
        from meshloom import __version__

        typer.echo(f"meshloom {__version__}  {envoy}  mesh {mesh}")

    def warned(self, problems: Iterable[Problem]) -> None:
        for problem in problems:
            typer.echo(str(problem), err=True)

    def heard(self, event: Event) -> None:
        match event:
            case Ready():
                self._table(event)
            case Applied(node, milliseconds):
                self._applied[node] = milliseconds
            case InEffect() if self._ready:
                self._in_effect(event)
            case Refused() if self._ready:
                self._refused(event)
            case RolledBack() | NotRolledBack() | TurnedAway():
                _say(told(event))
            case Exited():
                self._exited(event)
            case Restarted() | Renewed() | Grew() | Federated():
                _say(str(event))

    def _in_effect(self, event: InEffect) -> None:
        self._unneeded = not event.nodes
        if event.nodes:
            accepted = event.nodes - event.refused
            took = f"after {event.milliseconds:.0f} ms"
            self._tell(f"served by {accepted} of {event.nodes} {self._clients} {took}")

    def _refused(self, event: Refused) -> None:
        if self._change:
            _say(self._change)
        self._change = ""
        _say(event.text)
        if not self.returns:
            typer.echo("          the last good config stays")

    def _tell(self, what: str) -> None:
        """The change, if it has not been told yet, and what became of it."""
        _say(f"{self._change}   {what}" if self._change else what)
        self._change = ""

    def followed(self) -> None:
        if self._change and self._unneeded:
            self._tell("no Envoy needs to know")

    def _exited(self, event: Exited) -> None:
        again = f"starting it again in {event.again_in:.1f} s"
        _say(f"{event.name} {event.reason}; {again if event.again_in else 'it stays down'}")
        for line in event.last_lines:
            typer.echo(f"          {line}")

    def _table(self, event: Ready) -> None:
        self._ready = True
        services = event.state["services"]
        width = max(map(len, [*services, "ingress"]))
        for name, service in services.items():
            versions = _versions(service["versions"]) or "external"
            times = [self._applied.get(v["id"]) for v in service["versions"].values()]
            known = [spent for spent in times if spent is not None]
            effect = f"in effect   {max(known):.0f} ms" if known else "in effect"
            if service["dataplane"] == "grpc":
                effect, self._clients = "no Envoy", "clients"
            typer.echo(f"  {name:{width}}   {versions:12} {service['url']:24} {effect}")
        for url in dict.fromkeys(s["ingress"] for s in services.values() if s["ingress"]):
            typer.echo(f"  {'ingress':{width}}   {'':12} {url}")
        if otlp := event.state.get("otlp"):
            typer.echo(f"  {'otlp':{width}}   {'gRPC':12} {otlp['grpc']}")
            typer.echo(f"  {'':{width}}   {'HTTP':12} {otlp['http']}")
        typer.echo(
            f"ready in {event.seconds:.1f} s    control plane {event.state['control_plane']}    "
            "tap: meshloom tap    stop: Ctrl-C"
        )

    def changed(self, files: Iterable[Path], what: str) -> None:
        names = ", ".join(sorted({file.name for file in files}))
        self._change = f"{names} changed: {what}" if what else f"{names} changed"

    def rejected(self, problems: Iterable[Problem]) -> None:
        self._change = ""
        for problem in problems:
            typer.echo(f"{time.strftime('%H:%M:%S')}  {problem}", err=True)
        typer.echo("          the last good config stays", err=True)

    def stopped(self) -> None:
        typer.echo("stopped")


def _versions(names: Iterable[str]) -> str:
    """``v1 v2×3``: each version once, with how many replicas it has."""
    counts = Counter(name.partition("#")[0] for name in names)
    many = {name: f"×{count}" if count > 1 else "" for name, count in counts.items()}
    return " ".join(f"{name or '1 version'}{times}" for name, times in many.items())


def told(event: RolledBack | NotRolledBack | TurnedAway | Renewed) -> str:
    """One line of it."""
    match event:
        case RolledBack(version, instead_of, nodes):
            where = f" of {', '.join(nodes)}" if nodes else ""
            return f"back to the last good config{where} (version {version}, was {instead_of})"
        case NotRolledBack(why):
            return f"no way back: {why}"
        case TurnedAway(why=why):
            return why
        case Renewed():
            return str(event)


def _say(text: str) -> None:
    typer.echo(f"{time.strftime('%H:%M:%S')}  {text}")
