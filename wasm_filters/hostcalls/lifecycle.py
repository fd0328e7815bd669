"""Spec section "Context lifecycle".

https://github.com/proxy-wasm/spec/tree/main/abi-versions/v0.2.1#context-lifecycle
"""

from __future__ import annotations

from wasm_filters.abi import Status
from wasm_filters.state.host import Host


def done(host: Host) -> Status:
    """The plugin has finished with the current context.

    NOT_FOUND: the context was not waiting for this. OK ends a context whose ``proxy_on_done``
    answered 0. https://github.com/proxy-wasm/spec/tree/main/abi-versions/v0.2.1#proxy_done
    """
    ending = host.current.ending
    if ending is None:
        return Status.NOT_FOUND
    host.current.ending = None  # asked again, it is no longer waiting
    host.actions.append(ending)
    return Status.OK


def set_effective_context(host: Host, context_id: int) -> Status:
    """Make the following hostcalls act on ``context_id``.

    OK also for 0, which changes nothing. BAD_ARGUMENT: no such context.
    https://github.com/proxy-wasm/spec/tree/main/abi-versions/v0.2.1#proxy_set_effective_context
    """
    if context_id == 0:
        return Status.OK
    context = host.contexts.get(context_id)
    if context is None:
        return Status.BAD_ARGUMENT
    host.current = context
    return Status.OK
