"""A request that is held, and what became of it: the events of the gate."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from debugger.breakpoints.breakpoint import Breakpoint, Phase
from debugger.gate.answers import Abort
from debugger.gate.edit import NO_EDIT, Edit
from mesh_traffic import Exchange

Verb = Literal["continue", "step", "abort"]


@dataclass(frozen=True, slots=True)
class Release:
    """What is to become of a held request: it goes on, changed or not, to its end or to its next
    phase, or it is answered at once."""

    verb: Verb = "continue"
    edit: Edit = NO_EDIT
    abort: Abort = Abort()


@dataclass(frozen=True, slots=True)
class Held:
    """``exchange`` is what has been seen until ``phase``, without secrets; the one at which it is
    held goes on ``until`` (epoch seconds), unless somebody releases it.

    ``whole``: all of the body is here, where the phase is about one. ``attributes`` are Envoy's.
    ``breakpoint`` is the id of what held it; "" is a step from the phase before.
    """

    id: str
    breakpoint: str
    node: str
    phase: Phase
    exchange: Exchange
    since: float
    until: float
    whole: bool = True
    attributes: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Released:
    """A hold is over. ``how``: "continue", "step" or "abort" where somebody said so; "expired"
    where nobody did, "removed" where its breakpoint went, "gone" where the client or its Envoy
    did. ``after`` are the seconds that it lasted, ``goes_on`` whether the request does."""

    id: str
    how: str
    after: float
    goes_on: bool


@dataclass(frozen=True, slots=True)
class Missed:
    """A request that a breakpoint wanted went on without being held; ``why`` says the reason."""

    breakpoint: str
    node: str
    why: str


@dataclass(frozen=True, slots=True)
class Done:
    """A breakpoint has held as many as it was to hold, and is removed."""

    breakpoint: Breakpoint


Event = Held | Released | Missed | Done
