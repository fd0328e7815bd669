"""The lines of a recording's file, one class for each kind."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from wasm_filters.abi import LogLevel
from wasm_filters.config import FailurePolicy, Mode, PluginConfig
from wasm_filters.recording.data import (
    AnswerData,
    Attribute,
    Chunks,
    Closed,
    Data,
    RequestData,
    ResponseData,
    Seconds,
    Value,
)

FORMAT = 1
MAX_DEPTH = 100  # calls inside of calls
Number = Annotated[int, Field(ge=0, lt=1 << 64)]


class ModuleData(Closed):
    """Which module it was: its name, the file that it came from, and the hash of its bytes."""

    name: str
    file: str
    sha256: str


class PluginData(Closed):
    """A plugin, in the words of PluginConfig."""

    module: ModuleData
    name: str
    root_id: str
    configuration: Data
    vm_id: str
    vm_configuration: Data
    environment: dict[str, str]
    properties: dict[str, Attribute]
    capabilities: list[str]
    failure_policy: FailurePolicy
    reload_backoff: Seconds
    stops_at_headers: bool

    @classmethod
    def of(cls, module: ModuleData, config: PluginConfig) -> PluginData:
        return cls(
            module=module,
            name=config.name,
            root_id=config.root_id,
            configuration=config.configuration,
            vm_id=config.vm_id,
            vm_configuration=config.vm_configuration,
            environment=dict(config.environment),
            properties=dict(config.properties),
            capabilities=sorted(config.capabilities),
            failure_policy=config.failure_policy,
            reload_backoff=config.reload_backoff,
            stops_at_headers=config.stops_at_headers,
        )

    def config(self) -> PluginConfig:
        return PluginConfig(
            self.name,
            self.root_id,
            self.configuration,
            self.vm_id,
            self.vm_configuration,
            self.environment,
            self.properties,
            frozenset(self.capabilities),
            self.failure_policy,
            self.reload_backoff,
            self.stops_at_headers,
        )


class Header(Closed):
    """The first line: what there was before anything happened.

    ``clock`` is in nanoseconds since the epoch. ``masked`` are the texts that stand for secrets.
    """

    kind: Literal["recording"] = "recording"
    version: Literal[1] = 1
    plugins: list[PluginData] = Field(min_length=1)
    mode: Mode
    clock: int = Field(ge=0, lt=1 << 63)
    seed: int = Field(ge=0, lt=1 << 256)
    buffer_limit: int = Field(ge=1, lt=1 << 32)
    log_level: LogLevel
    clusters: list[str]
    masked: list[Data] = Field(default_factory=list)


class Start(Closed):
    """The plugins start; ``failure`` is the message if one did not."""

    kind: Literal["start"] = "start"
    failure: str | None = None


class Sent(Closed):
    """A request comes."""

    kind: Literal["request"] = "request"
    request: RequestData
    chunks: Chunks
    patience: Seconds


class Advance(Closed):
    """Time passes."""

    kind: Literal["advance"] = "advance"
    seconds: Seconds


class SharedData(Closed):
    """Somebody else sets shared data."""

    kind: Literal["shared_data"] = "shared_data"
    vm_id: str
    key: Data
    value: Data


class Enqueue(Closed):
    """Somebody else puts an item into a shared queue."""

    kind: Literal["enqueue"] = "enqueue"
    vm_id: str
    name: Data
    item: Data


class Answered(Closed):
    """The upstream (``by`` is null) or a cluster answered a request."""

    kind: Literal["answered"] = "answered"
    by: str | None
    request: RequestData
    answer: AnswerData


class EventData(Closed):
    """A callback or hostcall, as in a trace."""

    kind: Literal["event"] = "event"
    call: str
    inside: str
    plugin: str
    context: Number
    depth: int = Field(ge=0, le=MAX_DEPTH)
    later: Number
    arguments: dict[str, Value]
    answer: str | None
    results: dict[str, Value]
    failure: str | None = None

    @property
    def is_callback(self) -> bool:
        return not self.inside


class LogData(Closed):
    level: LogLevel
    message: str
    plugin: str


class OutcomeData(Closed):
    """What a step led to. All but the logs and metrics are about a request."""

    kind: Literal["outcome"] = "outcome"
    request: RequestData | None = None
    response: ResponseData | None = None
    local_reply: bool = False
    details: str = ""
    paused: str = ""
    reset: bool = False
    failure: str | None = None
    logs: list[LogData] = Field(default_factory=list)
    metrics: dict[str, int | list[int]] = Field(default_factory=dict)


class End(Closed):
    """The last line. ``lost`` counts the calls that were too many to be kept."""

    kind: Literal["end"] = "end"
    lost: Number


Action = Start | Sent | Advance | SharedData | Enqueue
Line = Annotated[
    Header
    | Start
    | Sent
    | Advance
    | SharedData
    | Enqueue
    | Answered
    | EventData
    | OutcomeData
    | End,
    Field(discriminator="kind"),
]
