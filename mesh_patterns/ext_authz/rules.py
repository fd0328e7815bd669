"""What somebody who is asked about requests goes by: policies of rules, and their decisions."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Any

import msgspec

from mesh_patterns.policy import Access

POLICY = "meshloom.policy"  # the context extension by which a filter names the one that it asks for

Fields = tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Allow:
    """A request goes on. Its header fields are set, added to or removed on the way to the workload,
    ``answer`` is added to what the client gets, and ``metadata`` is for the filters that follow.
    """

    set: Fields = ()
    append: Fields = ()
    remove: tuple[str, ...] = ()
    answer: Fields = ()
    metadata: Any = None


@dataclass(frozen=True, slots=True)
class Deny:
    """A request ends here, with this answer."""

    status: int = 403
    body: str = ""
    headers: Fields = ()
    metadata: Any = None


@dataclass(frozen=True, slots=True)
class CheckRule:
    """What becomes of the requests that it is about. One of ``allow`` and ``deny``."""

    when: Access = Access()
    allow: Allow | None = None
    deny: Deny | None = None

    @property
    def decision(self) -> Allow | Deny:
        return self.allow or self.deny or Deny()


@dataclass(frozen=True, slots=True)
class Function:
    """A function of Python that decides: in a file or a module. ``digest`` is of what is there."""

    source: str  # an absolute path that ends in .py, or a module's name
    name: str
    digest: str = ""


@dataclass(frozen=True, slots=True)
class CheckPolicy:
    """The ``function`` decides, if there is one and it does; then the first of ``rules`` that is
    about a request, then ``otherwise``.
    """

    rules: tuple[CheckRule, ...] = ()
    function: Function | None = None
    otherwise: CheckRule = CheckRule(deny=Deny())

    @property
    def name(self) -> str:
        """By which a filter asks for it. Another policy has another one, so while a mesh changes,
        nobody is judged by what he did not ask for.
        """
        return hashlib.sha256(msgspec.json.encode(self)).hexdigest()[:16]
