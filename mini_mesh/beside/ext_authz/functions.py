"""A door: functions of people's own that decide, out of a file or a module."""

from __future__ import annotations

import importlib
import importlib.util
import sys
import traceback
from collections.abc import Callable
from types import ModuleType
from typing import Any

from mesh_patterns.ext_authz.decision import Judge
from mesh_patterns.ext_authz.rules import Function


def load(wanted: Function) -> Judge:
    """Raises ValueError: there is no such function; what its file said is on standard error."""
    try:
        module = _file(wanted) if wanted.source.endswith(".py") else _module(wanted)
    except Exception as error:  # whatever code of theirs does when it is run
        traceback.print_exc()
        what = f"{wanted.source}: {type(error).__name__}: {error}"
        raise ValueError(f"can't load {what}") from error
    found: Any = getattr(module, wanted.name, None)
    if not isinstance(found, Callable):  # type: ignore[arg-type] # mypy wants a class
        raise ValueError(f"{wanted.source} has no function {wanted.name!r}")
    return found  # type: ignore[no-any-return] # whether it is one is seen when it is called


def _file(wanted: Function) -> ModuleType:
    spec = importlib.util.spec_from_file_location(f"_decides_{wanted.digest}", wanted.source)
    if spec is None or spec.loader is None:
        raise ImportError("is no file of Python")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def _module(wanted: Function) -> ModuleType:
    if "" not in sys.path:
        sys.path.insert(0, "")  # as Python itself does for -m
    return importlib.import_module(wanted.source)
