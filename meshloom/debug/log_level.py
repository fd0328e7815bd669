"""``meshloom debug log-level``: what Envoys log, shown or set, for good or for a while."""

from __future__ import annotations

import asyncio
import json
import signal
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Annotated

import typer

from meshloom.arguments import Json, MeshName, parse_for

if TYPE_CHECKING:
    from debugger.admin.interface import Interface
    from debugger.admin.levels import Change

Levels = Mapping[str, Mapping[str, str]]  # by node and logger


def log_level(
    words: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[NODE|SERVICE|all] [LOGGER=LEVEL]...",
            help="Whose, then what to set: http=debug, all=info, or just a level for all loggers.",
        ),
    ] = None,
    for_: Annotated[
        str | None,
        typer.Option("--for", metavar="TIME", help="Set back after this time, or at Ctrl-C."),
    ] = None,
    mesh: MeshName = None,
    as_json: Json = False,
) -> None:
    """Show or set what Envoys log. Their logs are in the mesh's folder."""
    from debugger.admin.interface import AdminError
    from debugger.admin.levels import LEVELS, LevelError, wanted
    from meshloom.debug.nodes import ALL, admins_of, bad_input, nodes_of
    from meshloom.state import find_mesh

    given = list(words or ())
    named = bool(given) and "=" not in given[0] and given[0] not in (*LEVELS, "warn")
    whose = given.pop(0) if named else ALL
    seconds = parse_for(for_)
    try:
        levels = wanted(given)
        if seconds is not None and not levels:
            raise LevelError("--for: wanted LOGGER=LEVEL with it")
        state = find_mesh(mesh).state
        admins = admins_of(state, nodes_of(state, whose))
        setting = _Setting(levels, seconds, as_json)
        asyncio.run(setting.run(admins))
    except (AdminError, LevelError, ValueError) as error:
        bad_input("log-level", error, error)


class _Setting:
    """One run of the command."""

    def __init__(self, levels: Mapping[str, str], seconds: float | None, as_json: bool) -> None:
        self._levels, self._seconds, self._as_json = levels, seconds, as_json

    async def run(self, admins: Mapping[str, str]) -> None:
        """Raises ``AdminError``; ``LevelError`` before anything is set."""
        from debugger.admin.interface import interfaces

        async with interfaces(admins) as envoys:
            before = await _levels(envoys)
            if not self._levels:
                self._show(before)
                return
            changed = _planned(self._levels, before)
            async with _set(envoys, changed, before, back=self._seconds is not None):
                self._tell(before, await _levels(envoys), "set")
                await _wait(self._seconds)
            if self._seconds is not None:
                self._tell(_merged(before, changed), await _levels(envoys), "set back")

    def _show(self, levels: Levels) -> None:
        if self._as_json:
            typer.echo(json.dumps({"levels": levels}))
            return
        for node, held in levels.items():
            usual = max(set(held.values()), key=list(held.values()).count)
            others = (f"{name}={each}" for name, each in sorted(held.items()) if each != usual)
            typer.echo("  ".join([f"{node}: {usual}", *others]))

    def _tell(self, before: Levels, after: Levels, what: str) -> None:
        from debugger.admin.levels import changes

        told = {node: changes(before[node], after[node]) for node in after}
        if self._as_json:
            shown = {node: [each._asdict() for each in found] for node, found in told.items()}
            typer.echo(json.dumps({"event": what, "changes": shown}))
            return
        for node, found in told.items():
            typer.echo(f"{node}: {what}: {_summary(found)}")


def _summary(found: list[Change]) -> str:
    """``http info → debug``; loggers that changed alike together."""
    if not found:
        return "nothing to change"
    alike: dict[str, list[str]] = {}
    for each in found:
        alike.setdefault(f"{each.before} → {each.after}", []).append(each.logger)
    return "   ".join(
        f"{', '.join(names) if len(names) <= 5 else f'{len(names)} loggers'} {how}"
        for how, names in alike.items()
    )


async def _levels(envoys: Mapping[str, Interface]) -> dict[str, dict[str, str]]:
    from debugger.admin.levels import read

    told = await asyncio.gather(*(each.logging() for each in envoys.values()))
    return {node: read(text) for node, text in zip(envoys, told, strict=True)}


def _planned(wanted: Mapping[str, str], before: Levels) -> dict[str, dict[str, str]]:
    from debugger.admin.levels import asked

    return {node: asked(wanted, known) for node, known in before.items()}


def _merged(before: Levels, changed: Levels) -> dict[str, dict[str, str]]:
    return {node: {**held, **changed[node]} for node, held in before.items()}


@asynccontextmanager
async def _set(
    envoys: Mapping[str, Interface], changed: Levels, before: Levels, back: bool
) -> AsyncIterator[None]:
    """Set inside; afterwards ``back`` again. What was set before one refused goes back anyway."""
    done = []
    try:
        for node, levels in changed.items():
            if levels:
                done.append(node)
                await envoys[node].logging(levels)
        yield
    except BaseException:
        back = True
        raise
    finally:
        if back:
            await _set_back(envoys, {node: changed[node] for node in done}, before)


async def _set_back(envoys: Mapping[str, Interface], changed: Levels, before: Levels) -> None:
    """Each, also where an Envoy has gone meanwhile; that one is told of."""
    from debugger.admin.interface import AdminError

    for node, levels in changed.items():
        try:
            await envoys[node].logging({name: before[node][name] for name in levels})
        except AdminError as error:
            typer.echo(f"meshloom debug log-level: not set back: {error}", err=True)


async def _wait(seconds: float | None) -> None:
    """So long, or until Ctrl-C or SIGTERM, which is a wish to have it set back."""
    if seconds is None:
        return
    asked, loop = asyncio.Event(), asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, asked.set)
    try:
        async with asyncio.timeout(seconds):
            await asked.wait()
    except TimeoutError:
        return
    finally:
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.remove_signal_handler(number)
