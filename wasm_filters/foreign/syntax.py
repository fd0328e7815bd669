"""Reading a parsed expression: which attributes it uses, and what Envoy would refuse to compile.

Envoy compiles an expression without checking its types, but it wants every function to be there in
some form, and every message that is made. The functions are those of CEL's standard library; no
extension is on (measured on 1.40: tests/wasm_filters/test_expression_fidelity.py).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from wasm_filters.messages import ATTRIBUTES, CEL, ENVOYS, message_class, parse

OPERATORS = frozenset(
    {"_+_", "_-_", "_*_", "_/_", "_%_", "-_", "!_", "_&&_", "_||_", "_?_:_", "_[_]", "@in"}
    | {"_==_", "_!=_", "_<_", "_<=_", "_>_", "_>=_", "@not_strictly_false"}
)
_TIMES = (
    "getFullYear", "getMonth", "getDayOfYear", "getDayOfMonth", "getDate", "getDayOfWeek",
    "getHours", "getMinutes", "getSeconds", "getMilliseconds",
)  # fmt: skip
_CONVERSIONS = (
    "size", "type", "int", "uint", "double", "string", "bytes", "bool", "duration", "timestamp",
    "dyn",
)  # fmt: skip
_SEARCHES = ("matches", "contains", "startsWith", "endsWith")
# name → how many arguments, called as f(x); and called as x.f()
FUNCTIONS: Mapping[str, frozenset[int]] = {
    **dict.fromkeys(_CONVERSIONS, frozenset({1})),
    **dict.fromkeys(_SEARCHES, frozenset({2})),
}
METHODS: Mapping[str, frozenset[int]] = {
    "size": frozenset({0}),
    **dict.fromkeys(_SEARCHES, frozenset({1})),
    **dict.fromkeys(_TIMES, frozenset({0, 1})),
}


class NotCompiled(Exception):
    """Envoy would refuse the expression: BAD_ARGUMENT."""


class NotSupported(Exception):
    """Envoy would take the expression, and this host can not. The message says why."""


@dataclass(frozen=True, slots=True)
class Use:
    """A variable and the fields and constant keys that follow it. ``searched``: what is there is
    indexed by something that only running it tells."""

    path: tuple[str, ...]
    searched: bool = False


def analyse(serialized: bytes) -> tuple[list[Use], tuple[str, ...] | None]:
    """The uses of a parsed expression (an Any with a cel.expr.ParsedExpr), and the path that it is
    if it is nothing else. NotCompiled, NotSupported."""
    tree = parse(f"{CEL}.ParsedExpr", parse("google.protobuf.Any", serialized).value).expr
    uses = list(_uses(tree, frozenset()))
    for use in uses:
        _check_type(use.path)
    return uses, _path(tree, frozenset())


def _check_type(path: tuple[str, ...]) -> None:
    """A message's name is no value in Envoy, but an error; CEL's runtime here has it as a type."""
    for end in range(2, len(path) + 1):
        name = ".".join(path[:end])
        if message_class(name) is not None:
            raise NotSupported(f"{name} as a type, which has no value in Envoy")


def _uses(node: Any, scope: frozenset[str]) -> Iterator[Use]:
    path = _path(node, scope)
    if path is not None:
        yield Use(path)
    elif node.HasField("select_expr"):
        yield from _of_select(node.select_expr, scope)
    elif node.HasField("call_expr"):
        yield from _of_call(node.call_expr, scope)
    elif node.HasField("list_expr"):
        for element in node.list_expr.elements:
            yield from _uses(element, scope)
    elif node.HasField("struct_expr"):
        yield from _of_struct(node.struct_expr, scope)
    elif node.HasField("comprehension_expr"):
        yield from _of_comprehension(node.comprehension_expr, scope)


def _path(node: Any, scope: frozenset[str]) -> tuple[str, ...] | None:
    """The variable, fields and constant keys that ``node`` is; None if it is something else."""
    if node.HasField("ident_expr"):
        name = node.ident_expr.name.removeprefix(".")
        return None if name in scope else (name,)
    if node.HasField("select_expr") and not node.select_expr.test_only:
        before = _path(node.select_expr.operand, scope)
        return (*before, node.select_expr.field) if before is not None else None
    if node.HasField("call_expr") and node.call_expr.function == "_[_]":
        key = _text(node.call_expr.args[1])
        before = _path(node.call_expr.args[0], scope)
        return (*before, key) if before is not None and key is not None else None
    return None


def _text(node: Any) -> str | None:
    """A constant text."""
    if node.HasField("const_expr") and node.const_expr.WhichOneof("kind") == "string_value":
        return str(node.const_expr.string_value)
    return None


def _of_select(select: Any, scope: frozenset[str]) -> Iterator[Use]:
    before = _path(select.operand, scope)
    if before is None:
        yield from _uses(select.operand, scope)
    else:
        yield Use((*before, select.field))  # has(…)


def _of_call(call: Any, scope: frozenset[str]) -> Iterator[Use]:
    method = call.HasField("target")
    _check_function(call.function, len(call.args), method)
    if method:
        yield from _uses(call.target, scope)
    searched = {"_[_]": 0, "@in": 1}.get(call.function)
    for index, argument in enumerate(call.args):
        path = _path(argument, scope) if index == searched else None
        if path is None:
            yield from _uses(argument, scope)
            continue
        key = _text(call.args[1 - index])
        yield Use((*path, key)) if key is not None else Use(path, searched=True)


def _check_function(name: str, arguments: int, method: bool) -> None:
    known = (METHODS if method else FUNCTIONS).get(name, frozenset())
    if arguments not in known and (method or name not in OPERATORS):
        raise NotCompiled(f"no function {name} takes {arguments} arguments")


def _of_struct(struct: Any, scope: frozenset[str]) -> Iterator[Use]:
    if struct.message_name:
        _check_message(struct.message_name.removeprefix("."), struct.entries)
    elif len({_kind(entry.map_key) for entry in struct.entries} - {None}) > 1:
        raise NotSupported("a map with keys of several kinds")  # 1 and 1u are one key in Python
    for entry in struct.entries:
        if entry.HasField("map_key"):
            yield from _uses(entry.map_key, scope)
        yield from _uses(entry.value, scope)


def _kind(node: Any) -> str | None:
    return node.const_expr.WhichOneof("kind") if node.HasField("const_expr") else None


def _check_message(name: str, entries: Any) -> None:
    if name not in ATTRIBUTES and not name.startswith("google.protobuf."):
        if name.startswith(ENVOYS):
            raise NotSupported(f"{name} is not known here; Envoy may have it")
        raise NotCompiled(f"no message {name}")
    cls = message_class(name)
    if cls is None:
        raise NotCompiled(f"no message {name}")
    for entry in entries:
        if entry.field_key not in cls.DESCRIPTOR.fields_by_name:
            raise NotCompiled(f"no field {entry.field_key} in {name}")


def _of_comprehension(loop: Any, scope: frozenset[str]) -> Iterator[Use]:
    inner = scope | {loop.iter_var, loop.accu_var, loop.iter_var2}
    yield from _uses(loop.iter_range, scope)
    yield from _uses(loop.accu_init, scope)
    for part in (loop.loop_condition, loop.loop_step, loop.result):
        yield from _uses(part, inner)
