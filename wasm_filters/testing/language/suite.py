"""One test file: which filter, who is around it, and the tests."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, model_validator

from mesh_yaml.spec import Closed, ListOrOne, SomeText, Spec, Text, one_or_more
from mesh_yaml.values import Duration
from wasm_filters.properties.values import of_user
from wasm_filters.testing.language.expect import ExpectSpec
from wasm_filters.testing.language.matches import Level
from wasm_filters.testing.language.messages import Answers, Request, TcpEventSpec
from wasm_filters.testing.language.values import Body

Modes = Annotated[
    list[Literal["envoy", "spec"]],
    Field(min_length=1, description="each test runs in each"),
    BeforeValidator(one_or_more),
    ListOrOne(),
]
Policy = Literal["FAIL_CLOSED", "FAIL_OPEN", "FAIL_RELOAD", "fail_open"]


def _attribute(value: Any) -> Any:
    of_user(value)  # for its complaints
    return value


Attribute = Annotated[Any, BeforeValidator(_attribute)]


class SettingsSpec(Closed):
    """What a test may set anew for itself."""

    configuration: Any = Field(None, description="a text, or any other value, sent as JSON")
    vm_configuration: Any = None
    environment: dict[str, Text] = Field(default_factory=dict)
    properties: dict[str, Attribute] = Field(
        default_factory=dict, description="by path, such as xds.cluster_name"
    )
    failure_policy: Policy | None = None


class PluginSpec(SettingsSpec):
    """A plugin, in the words of Envoy's PluginConfig and VmConfig."""

    name: Text | None = Field(None, description="the file's name if not given")
    root_id: Text = ""
    vm_id: Text = ""
    capabilities: list[str] = Field(
        default_factory=list, description="allowed imports and exports; all if none"
    )
    reload_backoff: Duration | None = None
    stops_at_headers: bool = Field(False, description="allow_on_headers_stop_iteration")


class ChainedSpec(PluginSpec):
    """One filter of several."""

    file: SomeText = Field(description="relative to the test file; meshloom:NAME is ours")


ABOUT = {  # the words that speak of one kind of traffic
    "request": {
        "status", "response_headers", "response_trailers", "body", "upstream", "local_reply",
        "details", "paused", "reset",
    },
    "connection": {"to_client", "to_upstream", "closed"},
}  # fmt: skip


class StepSpec(Closed):
    """Something happens, and something is seen: time passes, then items come, then a
    request or a connection."""

    advance: Duration | None = Field(None, description="let so much time pass")
    enqueue: dict[str, list[Body]] = Field(
        default_factory=dict, description="items for the filter's queues"
    )
    request: Request | None = None
    upstream: Answers | None = Field(None, description="200 without a body if not given")
    connection: list[TcpEventSpec] | None = Field(
        None, description="a TCP connection through network filters, event by event"
    )
    patience: Duration | None = Field(None, description="of the client; a minute if not given")
    expect: ExpectSpec | None = None

    @model_validator(mode="after")
    def _about_what_happens(self) -> StepSpec:
        expected = self.expected()
        what = [kind for kind in ("request", "connection") if getattr(self, kind) is not None]
        if len(what) + ("rejected" in expected) > 1:
            raise ValueError("expected one of request, connection and expect.rejected")
        for kind, words in ABOUT.items():
            about = expected & words | (
                {"upstream"} if self.upstream and kind == "request" else set()
            )
            if kind not in what and about:
                said = ", ".join(sorted(about))
                raise ValueError(f"there is no {kind}, but something is said of {said}")
        return self

    def expected(self) -> set[str]:
        """The words under ``expect``."""
        return self.expect.model_fields_set if self.expect is not None else set()


class CaseSpec(StepSpec, SettingsSpec):
    """One test, on a worker of its own: a step with a name, or several."""

    name: SomeText
    mode: Modes | None = None
    clusters: dict[str, Answers] = Field(default_factory=dict)
    shared: dict[str, Body] = Field(
        default_factory=dict, description="shared data that is there already"
    )
    steps: list[StepSpec] = Field(
        default_factory=list, description="one after the other, on the same worker"
    )

    @model_validator(mode="after")
    def _sound(self) -> CaseSpec:
        own = sorted(set(StepSpec.model_fields) & self.model_fields_set)
        if self.steps and own:
            raise ValueError(f"there are 'steps': put {', '.join(own)} into one of them")
        if not any(step.expected() for step in self.all_steps()):
            raise ValueError("expects nothing; say what must be seen under 'expect'")
        return self

    def all_steps(self) -> list[StepSpec]:
        return self.steps or [self]


class SuiteSpec(PluginSpec, Spec):
    """A test file."""

    filter: SomeText | None = Field(
        None, description="relative to this file; meshloom:NAME is ours"
    )
    filters: list[ChainedSpec] = Field(
        default_factory=list, description="several, as requests pass them"
    )
    mode: Modes | None = Field(None, description="of all tests that name none; envoy if not given")
    log_level: Level = Field("info", description="what the filter is told that is kept")
    buffer_limit: int = Field(1 << 20, ge=1, description="bytes that may wait in one direction")
    clusters: dict[str, Answers] = Field(
        default_factory=dict, description="who answers calls, by cluster"
    )
    tests: list[CaseSpec] = Field(min_length=1)

    @model_validator(mode="after")
    def _one_filter_or_several(self) -> SuiteSpec:
        if bool(self.filters) == (self.filter is not None):
            raise ValueError("expected one of filter, filters")
        own = sorted(set(PluginSpec.model_fields) & self.model_fields_set)
        if self.filters and own:
            raise ValueError(f"there are 'filters': put {', '.join(own)} into one of them")
        return self
