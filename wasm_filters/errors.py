"""What can go wrong with a filter, each with a name: the only exceptions that leave this room."""

from __future__ import annotations

from dataclasses import dataclass


class WasmError(Exception):
    """Anything that this room reports. The message is whole: what, where, and what was wanted."""


class ModuleError(WasmError):
    """The bytes are no Proxy-Wasm module that Envoy would load."""


class TooMuchWork(ModuleError):
    """To compile or validate the module takes more time or memory than it is given."""


class PluginError(WasmError):
    """The module loaded, but the filter refused to start or refused its configuration."""


@dataclass(frozen=True, slots=True)
class Frame:
    """One guest function on the stack when it stopped; ``offset`` is in bytes into the module."""

    function: str
    offset: int

    def __str__(self) -> str:
        return f"{self.offset:#x} {self.function}"


class GuestStopped(WasmError):
    """A callback did not return. Its VM is dead: Envoy calls into it no more, and neither do we.

    ``callback`` names the export that was called, ``reason`` says why it stopped, ``frames`` is
    the guest's stack, innermost first, with names where the module has a name section.
    """

    def __init__(self, callback: str, reason: str, frames: tuple[Frame, ...] = ()) -> None:
        self.callback = callback
        self.reason = reason
        self.frames = frames
        super().__init__(self._text())

    def seen_from(self, callback: str) -> GuestStopped:
        """The same, of an export that a hostcall called (the allocator) while ``callback`` ran."""
        return type(self)(callback, f"{self.callback} {self.reason}", self.frames)

    def _text(self) -> str:
        where = (
            f", in {self.frames[0].function} at {self.frames[0].offset:#x}" if self.frames else ""
        )
        return f"{self.callback}: {self.reason}{where}"

    @property
    def backtrace(self) -> str:
        """One line per frame, as Envoy logs them."""
        return "\n".join(f"{depth}: {frame}" for depth, frame in enumerate(self.frames))


class GuestTrapped(GuestStopped):
    """The guest executed a trap: unreachable code, memory out of bounds, stack exhausted."""


class DeadlineExceeded(GuestStopped):
    """The guest ran longer than its deadline."""


class HostcallRefused(GuestStopped):
    """The guest called something that it may not call now, or that this host does not have yet."""


class HostFailed(GuestStopped):
    """A hostcall or a listener raised, and the guest was left in the middle of its callback. Who
    called gets the exception itself; this is what is told of the VM afterwards."""


class Refusal(Exception):
    """Raised inside a hostcall to end the callback; the VM's door makes a HostcallRefused of it."""


class BadPointer(Exception):
    """The guest gave an address outside of its memory; the hostcall answers with its status."""


def one_line(error: Exception) -> str:
    """A message of several lines, each a cause of the one before, as one line."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return ": ".join(line.removeprefix("0: ") for line in lines if line != "Caused by:")[:300]
