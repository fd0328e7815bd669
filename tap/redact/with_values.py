"""Nouns of traffic with some values changed, quickly."""

from __future__ import annotations

from dataclasses import fields
from operator import attrgetter
from typing import Any, TypeVar

from mesh_traffic import Exchange, Request, Response

T = TypeVar("T", Exchange, Request, Response)
MessageT = TypeVar("MessageT", Request, Response)

_NAMES = {kind: [one.name for one in fields(kind)] for kind in (Exchange, Request, Response)}
_VALUES = {kind: attrgetter(*names) for kind, names in _NAMES.items()}
_PLACES = {kind: {name: at for at, name in enumerate(names)} for kind, names in _NAMES.items()}


def with_values(noun: T, **changed: Any) -> T:
    """What ``dataclasses.replace`` does, in half the time."""
    kind = type(noun)
    values, places = list(_VALUES[kind](noun)), _PLACES[kind]
    for name, value in changed.items():
        values[places[name]] = value
    return kind(*values)
