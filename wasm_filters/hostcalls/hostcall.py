"""What a hostcall is: its name, its parameters in the spec's order, and the function behind it.

One description serves two ends: the wasm signature that a module must import it with, and the
trace, which shows arguments and results decoded.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from enum import Enum, IntEnum, auto

from wasm_filters.abi import ALL_VERSIONS, AbiVersion, Signature


class Kind(Enum):
    """How a parameter is passed. TEXT, BODY, PATH, PAIRS and IOVECS are the address and size (or
    count) of what the guest owns; the OUT kinds are addresses where the host writes its answer,
    OUT_FILL with the size of the room there. A PLACE is an address whose content nobody shows."""

    NUMBER = auto()
    INTEGER = auto()  # an i32 with a sign
    SIGNED = auto()  # an i64 with a sign
    FLAG = auto()
    METRIC = auto()  # a metric's id
    PLACE = auto()
    TEXT = auto()
    BODY = auto()
    PATH = auto()  # a property's: segments joined by NULs
    PAIRS = auto()
    IOVECS = auto()
    OUT_FILL = auto()
    OUT_TEXT = auto()
    OUT_BODY = auto()
    OUT_PAIRS = auto()
    OUT_NUMBER = auto()
    OUT_LONG = auto()

    @property
    def words(self) -> str:
        """The wasm values that it takes, as in a Signature."""
        if self is Kind.SIGNED:
            return "I"
        return "i" if self in _ONE_WORD else "ii"

    @property
    def is_result(self) -> bool:
        return self.name.startswith("OUT_")


_ONE_WORD = frozenset(
    {Kind.NUMBER, Kind.INTEGER, Kind.FLAG, Kind.METRIC, Kind.PLACE, Kind.OUT_NUMBER, Kind.OUT_LONG}
)


@dataclass(frozen=True, slots=True)
class Parameter:
    """One parameter of the spec; ``choices`` gives its numbers their names."""

    name: str
    kind: Kind
    choices: type[IntEnum] | None = None


@dataclass(frozen=True, slots=True)
class Hostcall:
    """One function that a module may import.

    ``function`` takes the Host and then one unsigned integer per wasm value (a signed one for
    i64). ``on_bad_pointer`` is what it answers for an address outside of the guest's memory.
    ``at_start`` says that it may be called while the module starts or allocates (Envoy ends a VM
    that calls any other there).
    """

    name: str
    function: Callable[..., int]
    parameters: tuple[Parameter, ...] = ()
    versions: frozenset[AbiVersion] = ALL_VERSIONS
    on_bad_pointer: int = 6
    answers: bool = True
    at_start: bool = False
    signature: Signature = field(init=False)

    def __post_init__(self) -> None:
        params = "".join(parameter.kind.words for parameter in self.parameters)
        object.__setattr__(self, "signature", Signature(params, "i" if self.answers else ""))


def number(name: str, choices: type[IntEnum] | None = None) -> Parameter:
    return Parameter(name, Kind.NUMBER, choices)


def signed(name: str) -> Parameter:
    return Parameter(name, Kind.SIGNED)


def integer(name: str) -> Parameter:
    return Parameter(name, Kind.INTEGER)


def flag(name: str) -> Parameter:
    return Parameter(name, Kind.FLAG)


def metric(name: str) -> Parameter:
    return Parameter(name, Kind.METRIC)


def place(name: str) -> Parameter:
    return Parameter(name, Kind.PLACE)


def path(name: str) -> Parameter:
    return Parameter(name, Kind.PATH)


def iovecs(name: str) -> Parameter:
    return Parameter(name, Kind.IOVECS)


def out_fill(name: str) -> Parameter:
    return Parameter(name, Kind.OUT_FILL)


def text(name: str) -> Parameter:
    return Parameter(name, Kind.TEXT)


def body(name: str) -> Parameter:
    return Parameter(name, Kind.BODY)


def pairs(name: str) -> Parameter:
    return Parameter(name, Kind.PAIRS)


def out_text(name: str) -> Parameter:
    return Parameter(name, Kind.OUT_TEXT)


def out_body(name: str) -> Parameter:
    return Parameter(name, Kind.OUT_BODY)


def out_pairs(name: str) -> Parameter:
    return Parameter(name, Kind.OUT_PAIRS)


def out_number(name: str, choices: type[IntEnum] | None = None) -> Parameter:
    return Parameter(name, Kind.OUT_NUMBER, choices)


def out_long(name: str) -> Parameter:
    return Parameter(name, Kind.OUT_LONG)
