"""Where Envoy and the Proxy-Wasm spec answer a filter differently, each with a name.

A filter that meets one of these works on one side and may not on the other: a Lean is the note
that it did, and ``meshloom wasm`` shows them as its lint. The same names head the rows of
docs/FIDELITY.md.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum


class Difference(Enum):
    """What Envoy 1.40 does, and what the spec (ABI 0.2.1) says."""

    UNAVAILABLE_FIELDS = (
        "reading all fields of a map that is not available answers OK with nothing",
        "BAD_ARGUMENT, as for reading one of them",
    )
    FIELDS_SIZE = (
        "the size of a map is that of its names and values, and can't be asked in proxy_on_log",
        "the size of the serialised map, wherever it can be read",
    )
    LOGGED_TRAILERS = (
        "request trailers can't be read in proxy_on_log",
        "they can",
    )
    HOST_IS_AUTHORITY = (
        "the request header 'host' is ':authority'",
        "nothing: they are two fields",
    )
    FIELDS_ARE_JOINED = (
        "adding to a field that Envoy keeps once appends to its value, after a comma",
        "adds another field of that name",
    )
    UNAVAILABLE_BUFFER = (
        "a buffer that is not available reads as empty with OK, and answers BAD_ARGUMENT to a"
        " change",
        "NOT_FOUND",
    )
    BUFFER_OVERFLOW = (
        "reading from behind the end answers OK with nothing",
        "BAD_ARGUMENT",
    )
    BUFFER_MIDDLE = (
        "the middle of a buffer can't be changed: BAD_ARGUMENT",
        "any part can be replaced",
    )
    LAST_BUFFER = (
        "buffer 8 is the last buffer that was asked for",
        "the arguments of proxy_on_foreign_function, and NOT_FOUND elsewhere",
    )
    VM_CONFIGURATION = (
        "the VM's configuration can be read at any time",
        "only in proxy_on_vm_start",
    )
    HEADERS_PAUSE = (
        "a pause in a headers callback stops the body, too: its callback is not called",
        "the body callback is called for each piece, even when paused",
    )
    MORE_ACTIONS = (
        "callbacks may answer 2, 3 and 4: other ways to stop",
        "only CONTINUE (0) and PAUSE (1); all others pause here",
    )
    LOG_ORDER = (
        "proxy_on_log comes before proxy_on_done (HTTP)",
        "after it",
    )
    DONE_IS_IGNORED = (
        "a stream context is deleted whatever proxy_on_done answers",
        "not before proxy_done, when it answers false",
    )
    COUNTER_RECORD = (
        "recording a value on a counter adds it",
        "sets it",
    )
    NEW_KEY_CAS = (
        "setting a key that is not there succeeds with any compare-and-swap number",
        "CAS_MISMATCH unless the number is 0",
    )

    @property
    def envoy(self) -> str:
        return self.value[0]

    @property
    def spec(self) -> str:
        return self.value[1]

    @property
    def row(self) -> str:
        """Its name in docs/FIDELITY.md."""
        return self.name.lower().replace("_", "-")


@dataclass(frozen=True, slots=True)
class Lean:
    """A filter met ``difference`` in ``callback``."""

    difference: Difference
    callback: str
    plugin: str = ""

    def __str__(self) -> str:
        where = self.callback or "start"
        difference = self.difference
        return f"{where}: {difference.row}: Envoy: {difference.envoy}; spec: {difference.spec}"
