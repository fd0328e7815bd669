"""External authorization without its door: bytes of a request in, bytes of an answer out.

``envoy.service.auth.v3.Authorization``; what it decides is in :mod:`mesh_patterns.ext_authz`.
"""

from __future__ import annotations

import inspect
import traceback
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any

from mesh_patterns.ext_authz.decision import Asked, Decision, Judge, decide, settled
from mesh_patterns.ext_authz.rules import Allow, CheckPolicy, Function
from mini_mesh.beside.ext_authz.answers import written
from mini_mesh.beside.ext_authz.asked import INVALID_ARGUMENT, read
from mini_mesh.beside.ext_authz.functions import load
from mini_mesh.beside.unary import INTERNAL, Method, Refused

CHECK = "/envoy.service.auth.v3.Authorization/Check"
HEALTH = "/grpc.health.v1.Health/Check"
_SERVING = b"\x08\x01"  # its answer: status SERVING


class Authorizer:
    """Goes by the policies that it was told last, and by those before: an Envoy may still ask.

    With ``only``, there is but one, for who names none. ``counts`` are of decisions: ``allowed``,
    ``denied``, and what ``failed``.
    """

    def __init__(self, *, only: bool = False, loader: Callable[[Function], Judge] = load) -> None:
        self.counts: Counter[str] = Counter()
        self._only = only
        self._load = loader
        self._told: dict[str, _Known] = {}
        self._before: dict[str, _Known] = {}

    def tell(self, policies: Sequence[CheckPolicy]) -> None:
        """These hold from now on. Raises ValueError: one has a function that is not there."""
        known = {**self._before, **self._told}
        fresh: dict[str, _Known] = {}
        for each in policies:
            name = "" if self._only else each.name
            same = known.get(name)
            fresh[name] = same if same and same.policy == each else self._known(each)
        self._before, self._told = self._told, fresh

    @property
    def methods(self) -> Mapping[str, Method]:
        return {CHECK: self.check, HEALTH: lambda message: _SERVING}

    def check(self, message: bytes) -> bytes | Awaitable[bytes]:
        """Raises Refused: that is no question, or nobody knows an answer."""
        try:
            name, asked = read(message)
            known = self._told.get("" if self._only else name) or self._before.get(name)
            if known is None:
                raise Refused(INVALID_ARGUMENT, f"no policy {name!r}")
            if known.judge is None:
                return self._count(decide(known.policy, asked), known)
            return self._judged(known, known.judge, asked)
        except Refused:
            self.counts["failed"] += 1
            raise

    def _known(self, policy: CheckPolicy) -> _Known:
        return _Known(policy, self._load(policy.function) if policy.function else None)

    def _judged(self, known: _Known, judge: Judge, asked: Asked) -> bytes | Awaitable[bytes]:
        """What a function of somebody's own says, at once or later."""
        try:
            said: Any = judge(asked)
            if inspect.isawaitable(said):
                return self._later(known, said, asked)
            return self._count(settled(known.policy, said, asked), known)
        except Exception as error:  # whatever code of theirs does
            raise _failed(error) from error

    async def _later(self, known: _Known, saying: Awaitable[Any], asked: Asked) -> bytes:
        try:
            return self._count(settled(known.policy, await saying, asked), known)
        except Exception as error:
            self.counts["failed"] += 1
            raise _failed(error) from error

    def _count(self, decision: Decision, known: _Known) -> bytes:
        self.counts["allowed" if isinstance(decision, Allow) else "denied"] += 1
        return known.answers.get(id(decision)) or written(decision)


class _Known:
    """A policy, its function, and its rules' answers: they are always the same."""

    def __init__(self, policy: CheckPolicy, judge: Judge | None) -> None:
        self.policy, self.judge = policy, judge
        decisions = [rule.decision for rule in (*policy.rules, policy.otherwise)]
        self.answers = {id(each): written(each) for each in decisions}


def _failed(error: Exception) -> Refused:
    traceback.print_exception(error)
    return Refused(INTERNAL, f"{type(error).__name__}: {error}")
