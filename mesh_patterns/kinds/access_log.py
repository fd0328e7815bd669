"""Access log: a line for each request, as Envoy saw it, in a file.

Envoy: the file access logger, of all that a service gets and sends. ``meshloom tap`` needs none of
it: it has a log of its own.
https://www.envoyproxy.io/docs/envoy/latest/configuration/observability/access_log/usage
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated, Any

from pydantic import AfterValidator, BeforeValidator, Field, model_validator

from mesh_patterns.draft import Draft, Placed
from mesh_patterns.spec import PatternSpec
from mesh_patterns.telemetry import AccessLog, LogCondition, whose
from mesh_yaml.place import DocumentError
from mesh_yaml.spec import OneOrMore, SomeText, Spec
from mesh_yaml.values import Bound, Duration, Percent

FIELDS = {
    "time": "%START_TIME%",
    "method": "%REQ(:METHOD)%",
    "authority": "%REQ(:AUTHORITY)%",
    "path": "%REQ(X-ENVOY-ORIGINAL-PATH?:PATH)%",
    "status": "%RESPONSE_CODE%",
    "flags": "%RESPONSE_FLAGS%",
    "details": "%RESPONSE_CODE_DETAILS%",
    "milliseconds": "%DURATION%",
    "received": "%BYTES_RECEIVED%",
    "sent": "%BYTES_SENT%",
    "upstream_cluster": "%UPSTREAM_CLUSTER%",
    "upstream_host": "%UPSTREAM_HOST%",
    "request_id": "%REQ(X-REQUEST-ID)%",
}
HIGHEST = 599
# Envoy's own: a command has an argument or not, and a length or not; %% is one per cent sign.
_COMMAND = re.compile(r"%(?:%|[A-Z0-9_]+(?:\(.*?\))?(?::\d+)?%)")


def _format(value: str) -> str:
    at = _COMMAND.sub(lambda found: "x" * len(found[0]), value).find("%")
    if at >= 0:
        raise ValueError(
            f"expected a command such as %RESPONSE_CODE% or %REQ(HOST)%, got {value[at:]!r}; "
            "%% is a per cent sign"
        )
    return value


Format = Annotated[str, AfterValidator(_format)]
Flags = OneOrMore[SomeText]


class ConditionSpec(Spec):
    """Which requests get a line: all that is given must hold."""

    status: Bound | None = Field(None, description="such as '>= 500', 400..499")
    slower_than: Duration | None = None
    flags: Flags = Field([], description="Envoy's response flags, such as UO, UF, UT, RL: any")
    sample: Percent = Field(100.0, description="of the requests, by chance")

    @model_validator(mode="after")
    def _whole(self) -> ConditionSpec:
        if self.status is not None and self.status.percent:
            raise ValueError(f"a status is no percentage, got {self.status.text!r}")
        return self

    def meaning(self) -> LogCondition:
        bound = self.status
        slower = self.slower_than
        return LogCondition(
            None if bound is None else (max(0, round(bound.low)), round(min(HIGHEST, bound.high))),
            None if slower is None else round(slower.total_seconds() * 1000),
            tuple(self.flags),
            self.sample,
        )


def _none(value: Any) -> Any:
    return {} if value is None else value


class AccessLogSpec(PatternSpec):
    """Write a line for each request."""

    on: str = Field(description="service, ingress, client, or '*'")
    file: str = Field(description="to write to, from the pattern file's folder")
    fields: Annotated[dict[str, Format], BeforeValidator(_none)] = Field(
        FIELDS, description="of each JSON line, in Envoy's command operators; the usual if absent"
    )
    text: Format | None = Field(None, description="each line as it is, in place of JSON")
    when: ConditionSpec = Field(ConditionSpec(), description="only such requests")

    @model_validator(mode="after")
    def _one(self) -> AccessLogSpec:
        if self.text is not None and "fields" in self.model_fields_set:
            raise ValueError("expected one of fields and text")
        return self


def apply(spec: AccessLogSpec, draft: Draft) -> None:
    place = spec.place("file")
    file = (Path(place.file).parent / spec.file).resolve()
    if not file.parent.is_dir():
        raise DocumentError.at(place, f"there is no folder {file.parent}")
    fields = () if spec.text is not None else tuple(spec.fields.items())
    meaning = AccessLog(file, fields, spec.text or "", spec.when.meaning())
    for name in whose(draft, spec.on, spec.place("on")):
        draft.logs.setdefault(name, []).append(Placed(meaning, spec.place()))
