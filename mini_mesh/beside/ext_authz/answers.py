"""Decisions as Envoy's check responses: nouns in, bytes out.

Source: Envoy, ``envoy.service.auth.v3.CheckResponse``.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from mesh_patterns.ext_authz.decision import Decision
from mesh_patterns.ext_authz.rules import Allow, Deny, Fields
from xds_server.mirror import mirror_class
from xds_server.protos import auth_service as messages
from xds_server.protos import core

PERMISSION_DENIED = 7  # gRPC's status
_ACTIONS = core.HeaderValueOptionHeaderAppendAction
_SET, _APPEND = int(_ACTIONS.OVERWRITE_IF_EXISTS_OR_ADD), int(_ACTIONS.APPEND_IF_EXISTS_OR_ADD)


def written(decision: Decision) -> bytes:
    """What Envoy is told."""
    answer: Any = mirror_class(messages.CheckResponse)()
    if isinstance(decision, Deny):
        _deny(answer, decision)
    else:
        _allow(answer.ok_response, decision)
    if decision.metadata:
        answer.dynamic_metadata.update(decision.metadata)
    return answer.SerializeToString()  # type: ignore[no-any-return] # protobuf is untyped


def _deny(answer: Any, decision: Deny) -> None:
    answer.status.code = PERMISSION_DENIED
    denied = answer.denied_response
    denied.status.code = decision.status
    denied.body = decision.body
    _add(denied.headers, decision.headers, _SET)


def _allow(fine: Any, decision: Allow) -> None:
    fine.SetInParent()
    _add(fine.headers, decision.set, _SET)
    _add(fine.headers, decision.append, _APPEND)
    fine.headers_to_remove.extend(decision.remove)
    _add(fine.response_headers_to_add, decision.answer, _SET)


def _add(options: Any, fields: Fields | Iterable[tuple[str, str]], action: int) -> None:
    for name, value in fields:
        option = options.add()
        option.header.key, option.header.value = name, value
        option.append_action = action
