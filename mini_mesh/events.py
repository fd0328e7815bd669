"""What happens to a running mesh, as facts: for the person at the keyboard and for ``--json``."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Ready:
    """Everything answers. ``seconds`` since the start; ``state`` carries every address."""

    seconds: float
    state: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Applied:
    """An Envoy accepted everything that it was sent, ``milliseconds`` after the change."""

    node: str
    milliseconds: float


@dataclass(frozen=True, slots=True)
class InEffect:
    """Every Envoy answered; ``nodes`` of them were told something new, and some refused it."""

    nodes: int
    milliseconds: float
    refused: int = 0


@dataclass(frozen=True, slots=True)
class Refused:
    """An Envoy refused a resource; it keeps what it had. ``text`` says where and why."""

    node: str
    text: str
    place: str | None


@dataclass(frozen=True, slots=True)
class RolledBack:
    """What all nodes had accepted (``version``) is served again, in place of ``instead_of``.

    To these ``nodes`` only where there are some. ``why`` is the refusal that led to it; empty where
    somebody asked for it.
    """

    version: str
    instead_of: str
    nodes: tuple[str, ...] = ()
    why: str = ""


@dataclass(frozen=True, slots=True)
class NotRolledBack:
    """There was a refusal, and ``why`` there is no way back."""

    why: str


@dataclass(frozen=True, slots=True)
class TurnedAway:
    """A client was told that it gets nothing here, and ``why``."""

    node: str
    why: str


@dataclass(frozen=True, slots=True)
class Exited:
    """A process ended by itself. ``again_in``: seconds to its next start, if there is one."""

    name: str
    reason: str
    last_lines: tuple[str, ...]
    again_in: float | None = None


@dataclass(frozen=True, slots=True)
class Restarted:
    name: str

    def __str__(self) -> str:
        return f"{self.name} runs again"


@dataclass(frozen=True, slots=True)
class Renewed:
    """New certificates are served; ``holders`` is how many of the mesh's parts have one."""

    holders: int

    def __str__(self) -> str:
        return f"certificates renewed: {self.holders}"


@dataclass(frozen=True, slots=True)
class Grew:
    """A canary gets ``percent`` of the requests for ``service`` from now on, and ``why``.

    ``ended``: that was its last step; ``withdrawn``: because it did badly.
    """

    service: str
    canary: str
    percent: int
    why: str
    ended: bool
    withdrawn: bool

    def __str__(self) -> str:
        what = "taken back" if self.withdrawn else "at its end" if self.ended else "grows"
        return f"canary {self.canary}: {what}, {self.percent} % now ({self.why})"


@dataclass(frozen=True, slots=True)
class Federated:
    """What happened between this mesh and another one, in words."""

    text: str

    def __str__(self) -> str:
        return self.text


Event = (
    Ready
    | Applied
    | InEffect
    | Refused
    | RolledBack
    | NotRolledBack
    | TurnedAway
    | Exited
    | Restarted
    | Renewed
    | Grew
    | Federated
)
