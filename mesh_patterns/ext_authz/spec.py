"""How the rules of external authorization are written, in a pattern or in a file of their own."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, model_validator

from mesh_patterns import files
from mesh_patterns.access_spec import AccessSpec, Names
from mesh_patterns.ext_authz.rules import Allow, CheckPolicy, CheckRule, Deny, Fields, Function
from mesh_patterns.policy import Access
from mesh_yaml.place import DocumentError, Place
from mesh_yaml.spec import AlsoWritten, OneOrMore, Spec, Text

MAX_CODE = 1024 * 1024  # bytes of a function's file
_NAME = r"[A-Za-z_][A-Za-z0-9_]*"
_FUNCTION = re.compile(rf"(?P<source>.+\.py|{_NAME}(?:\.{_NAME})*):(?P<name>{_NAME})")

Statuses = Annotated[int, Field(ge=200, le=599)]


def _nothing_more(value: Any) -> Any:
    """``allow: true`` and ``deny: 401``."""
    if value is True:
        return {}
    if isinstance(value, int) and value is not False:
        return {"status": value}
    return value


class AllowSpec(Spec):
    """The request goes on."""

    set: dict[str, Text] = Field({}, description="headers for the workload, in place of others")
    append: dict[str, Text] = Field({}, description="headers for the workload, beside others")
    remove: Names = Field([], description="headers that the workload does not get")
    answer: dict[str, Text] = Field({}, description="headers for the client")
    metadata: dict[str, Any] = Field({}, description="for the filters that follow")

    def meaning(self) -> Allow:
        return Allow(
            _fields(self.set), _fields(self.append), tuple(name.lower() for name in self.remove),
            _fields(self.answer), self.metadata or None,
        )  # fmt: skip


class DenySpec(Spec):
    """The request ends here."""

    status: Statuses = 403
    body: str = ""
    headers: dict[str, Text] = Field({}, description="of the answer")
    metadata: dict[str, Any] = Field({}, description="for access logs")

    def meaning(self) -> Deny:
        return Deny(self.status, self.body, _fields(self.headers), self.metadata or None)


class CheckRuleSpec(Spec):
    """What becomes of some requests: allow or deny."""

    when: AccessSpec | None = Field(None, description="which requests; all if absent")
    allow: Annotated[
        AllowSpec | None, BeforeValidator(_nothing_more), AlsoWritten.of("boolean")
    ] = Field(None, description="true, or what is changed on the way")
    deny: Annotated[
        DenySpec | None, BeforeValidator(_nothing_more), AlsoWritten.of("boolean", "integer")
    ] = Field(None, description="true, a status, or an answer")

    @model_validator(mode="after")
    def _one(self) -> CheckRuleSpec:
        if (self.allow is None) == (self.deny is None):
            raise ValueError("expected one of allow and deny")
        return self

    def meaning(self, when: Access) -> CheckRule:
        allow, deny = (each.meaning() if each else None for each in (self.allow, self.deny))
        return CheckRule(when, allow, deny)  # type: ignore[arg-type]


CheckRules = OneOrMore[CheckRuleSpec]


class CheckPolicySpec(Spec):
    """Who decides about requests, and how."""

    rules: CheckRules = Field([], description="the first that is about a request decides")
    call: str | None = Field(
        None, description="file.py:function or module:function, which decides before the rules"
    )
    otherwise: Literal["allow", "deny"] = Field("deny", description="where nothing decides")


Read = Callable[[AccessSpec, tuple[str | int, ...]], Access]  # at this path


def policy(spec: CheckPolicySpec, root: Spec, read: Read) -> CheckPolicy:
    """What ``spec`` means, which is ``root`` or a part of it at the same level.

    ``read`` knows whom a rule's ``from`` names.

    Raises:
        DocumentError: it can mean nothing.
    """
    rules = []
    for i, rule in enumerate(spec.rules):
        when = read(rule.when, ("rules", i, "when")) if rule.when else Access()
        rules.append(rule.meaning(when))
    otherwise = CheckRule(allow=Allow()) if spec.otherwise == "allow" else CheckRule(deny=Deny())
    call = function(spec.call, root.place("call")) if spec.call is not None else None
    return CheckPolicy(tuple(rules), call, otherwise)


def function(text: str, place: Place) -> Function:
    """The function that ``text`` names. Whether it is there is seen when it is loaded."""
    found = _FUNCTION.fullmatch(text)
    if not found:
        message = f"expected file.py:function or module:function, got {text!r}"
        raise DocumentError.at(place, message)
    source = found["source"]
    if not source.endswith(".py"):
        return Function(source, found["name"])
    file = files.beside(place, source)
    digest = hashlib.sha256(files.read(file, place, MAX_CODE)).hexdigest()
    return Function(str(file), found["name"], digest)


def source(called: Function) -> Path | None:
    """The file of a function that is in one."""
    return Path(called.source) if called.source.endswith(".py") else None


def _fields(given: dict[str, str]) -> Fields:
    return tuple((name.lower(), value) for name, value in given.items())
