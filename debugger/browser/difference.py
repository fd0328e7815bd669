"""What a person changed of a held message on the page, as the edit that is sent. Pure.

Only what differs from what was shown is sent: a mark in a value that nobody touched never leaves
the gate, and fields that are not Envoy's to change are not sent back to it.

Source: RFC 9110, section 5.3 (fields of one name); RFC 6265, section 5.4 (cookies).
"""

from __future__ import annotations

from debugger.breakpoints.breakpoint import Phase
from debugger.gate.edit import Edit, EditError, side_of
from mesh_traffic import Exchange, Headers

_ALONE = "set-cookie"  # the one field whose values can't be one
_JOINED_BY = {"cookie": "; "}
_OF_THE_BODY = ("content-length", "content-encoding")  # they go with a new one


def edit_of(shown: Exchange, changed: Exchange, phase: Phase) -> Edit:
    """``shown`` is what the hold came with, ``changed`` what there is of it now.

    Raises EditError where several values of a field can't be sent as one.
    """
    before, after = side_of(shown, phase), side_of(changed, phase)
    old, new = _values(before.fields()), _values(after.fields())
    body = after.body.data if after.body.data != before.body.data else None
    passed = _passed(new, body)
    differing = [name for name in {**old, **new} if old.get(name) != new.get(name)]
    names = [name for name in differing if name not in passed]
    return Edit(
        {name: _one(name, new[name]) for name in names if name in new},
        tuple(name for name in names if name not in new),
        body,
    )


def _values(fields: Headers) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for name, value in fields:
        found.setdefault(name.lower(), []).append(value)
    return found


def _passed(new: dict[str, list[str]], body: bytes | None) -> tuple[str, ...]:
    """What differs because the body does. A length that somebody wrote is not among it: the gate
    refuses that one."""
    if body is None:
        return ()
    length = [str(len(body))]
    return tuple(name for name in _OF_THE_BODY if new.get(name, length) == length)


def _one(name: str, values: list[str]) -> str:
    if len(values) > 1 and name == _ALONE:
        raise EditError(f"{name}: one value can be set, got {len(values)}")
    return _JOINED_BY.get(name, ", ").join(values)
