"""``expr_create``, ``expr_evaluate`` and ``expr_delete``: expressions over attributes, in CEL.

An expression belongs to the plugin's root context, and a token names it. Attributes are its
variables, as ``proxy_get_property`` finds them in the context that is called (an effective context
counts for nothing here).
Source: envoy, source/extensions/common/wasm/foreign.cc.
"""

from __future__ import annotations

import struct
from types import ModuleType
from typing import TYPE_CHECKING

from wasm_filters.abi import Status
from wasm_filters.errors import Refusal
from wasm_filters.foreign.data import foreign_data
from wasm_filters.properties.filter_state import NotReadable
from wasm_filters.properties.values import FAMILY, Unserialisable, encode
from wasm_filters.state.host import Host

if TYPE_CHECKING:
    from wasm_filters.foreign.cel import Expression

_TOKEN = struct.Struct("<I")
MAX_EXPRESSIONS = 10_000  # of one plugin; a filter that creates one for each request finds it


def expr_create(host: Host, arguments: bytes) -> tuple[Status, bytes]:
    """Compile an expression: its token, an u32. BAD_ARGUMENT: Envoy would not compile it."""
    cel = _runtime()
    data = foreign_data(host.called.root)
    try:
        compiled = cel.Expression(arguments.decode())
    except (UnicodeDecodeError, SyntaxError):
        return Status.BAD_ARGUMENT, b""
    except cel.NotCompiled:
        data.next_token += 1  # it was taken before Envoy saw that
        return Status.BAD_ARGUMENT, b""
    except cel.NotSupported as error:
        raise Refusal(f"expr_create: {error}") from error
    if len(data.expressions) >= MAX_EXPRESSIONS:
        raise Refusal(f"expr_create: more than {MAX_EXPRESSIONS} expressions, none of them deleted")
    token = data.next_token
    data.expressions[token] = compiled
    data.next_token += 1
    return Status.OK, _TOKEN.pack(token)


def expr_evaluate(host: Host, arguments: bytes) -> tuple[Status, bytes]:
    """What the expression of a token is now.

    BAD_ARGUMENT: not 4 bytes. NOT_FOUND: no such expression. INTERNAL_FAILURE: it has no value (an
    attribute that is not there, a wrong type). SERIALIZATION_FAILURE: its value is or holds a null,
    a type or a whole family.
    """
    if len(arguments) != _TOKEN.size:
        return Status.BAD_ARGUMENT, b""
    expressions = foreign_data(host.called.root).expressions
    expression = expressions.get(_TOKEN.unpack(arguments)[0])
    if expression is None:
        return Status.NOT_FOUND, b""
    try:
        return Status.OK, _evaluate(host, expression)
    except Unserialisable:
        return Status.SERIALIZATION_FAILURE, b""
    except _runtime().EvaluationError:
        return Status.INTERNAL_FAILURE, b""
    except (_runtime().NotSupported, NotReadable) as error:
        raise Refusal(f"expr_evaluate: {error}") from error


def expr_delete(host: Host, arguments: bytes) -> tuple[Status, bytes]:
    """Forget an expression; OK also if there is none. BAD_ARGUMENT: not 4 bytes."""
    if len(arguments) != _TOKEN.size:
        return Status.BAD_ARGUMENT, b""
    foreign_data(host.called.root).expressions.pop(_TOKEN.unpack(arguments)[0], None)
    return Status.OK, b""


def _evaluate(host: Host, expression: Expression) -> bytes:
    from wasm_filters.foreign.variables import Variables

    variables = Variables(host.called)
    if expression.path is not None and variables.family(expression.path) is FAMILY:
        raise Unserialisable
    for use in expression.uses:
        variables.add(use)
    value, rounded = expression.evaluate(variables.values)
    if rounded:
        host.warn("a time inside of a list or map comes to the microsecond; in Envoy, exactly")
    return encode(value)


def _runtime() -> ModuleType:
    """The door to CEL, opened when the first expression comes."""
    try:
        from wasm_filters.foreign import cel
    except ImportError as error:
        raise Refusal("expressions need cel-expr-python, which is not installed") from error
    return cel
