"""Envoy's own hostcall, which no version of the ABI has: asking for the addresses of a name.

Source: envoy, source/extensions/common/wasm/wasm.cc (resolve_dns).
"""

from __future__ import annotations

from wasm_filters.abi import Status
from wasm_filters.properties.names import Resolved, at_once
from wasm_filters.state.buffer import Buffer
from wasm_filters.state.context import Context
from wasm_filters.state.host import Host

MAX_PENDING = 10_000  # names that are being looked up, per VM; what is beyond fails at once
_CALLBACK = "envoy_on_resolve_dns"


def resolve_dns(host: Host, name: int, name_size: int, token_at: int) -> Status:
    """Look up a name; ``envoy_on_resolve_dns`` tells the answer, in buffer 8.

    ``Surroundings.names`` answer, and nobody else is asked: a name that they have not got is not
    there. OK always. INVALID_MEMORY_ACCESS: a pointer is outside of memory.
    """
    memory = host.memory
    text = memory.read(name, name_size).decode("utf-8", "replace")
    host.last_token += 1
    token, root = host.last_token, host.current.root
    memory.write_u32(token_at, token)
    answer = host.worker.surroundings.names.get(text)
    known = at_once(text) if answer is None else None
    if known is None and host.resolving >= MAX_PENDING:
        known = Resolved(failed=True)
    if known is not None:
        _tell(host, root, token, known)
        return Status.OK
    if answer is None:
        host.warn(f"the name {text!r} has no addresses here: Surroundings.names gives them")
        answer = Resolved()
    host.resolving += 1
    host.worker.loop.after(answer.after, lambda: _arrived(host, root, token, answer))
    return Status.OK


def _arrived(host: Host, root: Context, token: int, answer: Resolved) -> None:
    host.resolving -= 1
    _tell(host, root, token, answer)


def _tell(host: Host, root: Context, token: int, answer: Resolved) -> None:
    data = answer.data()
    host.last_buffer = Buffer(data)
    assert host.caller is not None  # set before any code of the module runs
    host.caller.call(_CALLBACK, root, root.id, token, len(data))
