"""The mesh's policy while patterns are applied to it: what each caller does with each callee.

This is the one form that all dialects come down to. A kind writes into a :class:`Draft`;
``compile/`` reads it. Every value is a :class:`Placed`: it knows the line that set it, so two
patterns that disagree can be told apart, and a NACK can be traced to the line that caused it.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any, Generic, Literal, TypeVar

from mesh_patterns.model import Instance, Mesh
from mesh_yaml.matching import StringMatch
from mesh_yaml.place import DocumentError, Place, Problem

T = TypeVar("T")
Layer = Literal["http", "network"]


@dataclass(frozen=True, slots=True)
class Placed(Generic[T]):
    """A value, the line that set it, and whether it insists."""

    value: T
    place: Place
    override: bool = False


def settle(name: str, old: Placed[T] | None, new: Placed[T]) -> Placed[T]:
    """What holds when ``new`` meets ``old``.

    Raises:
        DocumentError: they differ and neither overrides; both lines are named.
    """
    if old is None or old.value == new.value or (new.override and not old.override):
        return new
    if old.override and not new.override:
        return old
    raise DocumentError.at(
        new.place,
        f"{name} is set here and, differently, at {old.place}; "
        "take one away, or give one of them 'override: true'",
    )


@dataclass(frozen=True, slots=True)
class Match:
    """Which requests a rule is for; all that is given must hold. Empty: every request."""

    path: StringMatch | None = None  # also of kind "separated_prefix": /v2 but not /v2beta
    method: StringMatch | None = None
    authority: StringMatch | None = None
    scheme: StringMatch | None = None
    headers: tuple[tuple[str, StringMatch], ...] = ()
    query: tuple[tuple[str, StringMatch], ...] = ()
    ignore_case: bool = False
    percent: float | None = None  # of the requests for which the rest holds, by chance

    def __bool__(self) -> bool:
        return self != Match()


@dataclass(frozen=True, slots=True)
class Target:
    """Where a request goes: a service, one version of it, or one replica of that."""

    service: str
    version: str | None = None
    replica: int | None = None

    def __str__(self) -> str:
        name = self.service
        if self.version or (self.version is not None and self.replica is None):
            name = f"{self.service}/{self.version}"
        return name if self.replica is None else f"{name}#{self.replica}"

    def has(self, instance: Instance) -> bool:
        """Whether it is one of these."""
        return (
            instance.service == self.service
            and self.version in (None, instance.version)
            and self.replica in (None, instance.replica)
        )

    def instances(self, mesh: Mesh) -> list[Instance]:
        """Who answers there."""
        return [each for each in mesh.services[self.service].instances() if self.has(each)]


@dataclass(frozen=True, slots=True)
class Weighted:
    """A share of the requests; shares need not add up to 100 here, Envoy takes them as ratios."""

    target: Target
    weight: int
    place: Place = field(compare=False)
    headers: HeaderEdits | None = None  # of these requests alone


@dataclass(frozen=True, slots=True)
class Retries:
    attempts: int
    retry_on: tuple[str, ...]
    per_try_timeout: timedelta | None = None
    backoff: tuple[timedelta, timedelta] | None = None  # base, max
    other_hosts: bool = False  # at hosts that have not been asked, as far as there are such
    other_priorities: bool = False  # at those of the next priority


@dataclass(frozen=True, slots=True)
class Fault:
    """A delay, an abort or both, for a percentage of the requests, and answers that come slowly.

    ``by_header``: whose request says so, by ``x-envoy-fault-…``, has what is not given here.
    ``max_active`` is how many have one at a time at most.
    """

    delay: timedelta | None = None
    delay_percent: float = 100.0
    abort_status: int | None = None
    abort_grpc_status: int | None = None
    abort_percent: float = 100.0
    headers: tuple[tuple[str, StringMatch], ...] = ()
    response_kib: int | None = None  # a second
    by_header: bool = False
    max_active: int | None = None


@dataclass(frozen=True, slots=True)
class Mirror:
    target: Target
    percent: float = 100.0


@dataclass(frozen=True, slots=True)
class Rewrite:
    """``path`` replaces what matched of the path (the prefix, or all of it)."""

    path: str | None = None
    regex: tuple[str, str] | None = None
    authority: str | None = None


@dataclass(frozen=True, slots=True)
class Redirect:
    status: int = 301
    path: str | None = None
    prefix: str | None = None
    authority: str | None = None
    scheme: str | None = None
    port: int | None = None


@dataclass(frozen=True, slots=True)
class Respond:
    """An answer that Envoy gives by itself."""

    status: int
    body: str = ""


@dataclass(frozen=True, slots=True)
class HeaderEdits:
    """Fields set, added and removed, on requests and on responses."""

    set_request: tuple[tuple[str, str], ...] = ()
    add_request: tuple[tuple[str, str], ...] = ()
    remove_request: tuple[str, ...] = ()
    set_response: tuple[tuple[str, str], ...] = ()
    add_response: tuple[tuple[str, str], ...] = ()
    remove_response: tuple[str, ...] = ()


HIGH = "high"  # the one priority of requests besides Envoy's default
CLUSTER = (  # an edge's, never a rule's
    "circuit_breaker",
    "retry_budget",
    "bulkhead",
    "connection_pool",
    "outlier_detection",
    "health_check",
    "load_balancing",
    "failover",
    "takeover",
)


@dataclass(slots=True)
class Rule:
    """One row of what a caller does with a callee: the first whose ``match`` holds is taken.

    ``hosts`` narrow it to some of the names by which the callee is known; empty is all.
    """

    match: Match
    place: Place
    hosts: tuple[str, ...] = ()
    split: tuple[Weighted, ...] = ()
    settings: dict[str, Placed[Any]] = field(default_factory=dict)

    def put(self, name: str, value: Placed[Any]) -> None:
        """Set one of the settings that ``compile/routes.py`` knows: ``timeout``, ``retries``, …"""
        self.settings[name] = settle(name, self.settings.get(name), value)

    def value(self, name: str) -> Any:
        placed = self.settings.get(name)
        return placed.value if placed else None


@dataclass(slots=True)
class Edge:
    """What ``caller`` does with ``callee``. The last rule matches everything.

    ``split`` is what a rule without one of its own does; ``settings`` likewise.
    """

    caller: str
    callee: str
    place: Place
    rules: list[Rule] = field(default_factory=list)
    split: Placed[tuple[Weighted, ...]] | None = None
    settings: dict[str, Placed[Any]] = field(default_factory=dict)
    closed: bool = False  # the rules are all there is: what none of them matches is a 404
    # Those of ``CLUSTER`` that are said of one version: they win over the edge's own.
    versions: dict[str, dict[str, Placed[Any]]] = field(default_factory=dict)

    def put(self, name: str, value: Placed[Any]) -> None:
        """Set one that :meth:`Rule.put` knows, or one of the callee's cluster (``CLUSTER``)."""
        self.settings[name] = settle(name, self.settings.get(name), value)

    def put_version(self, version: str, name: str, value: Placed[Any]) -> None:
        """Set one of ``CLUSTER`` for the requests that a rule sends to this version."""
        settings = self.versions.setdefault(version, {})
        settings[name] = settle(name, settings.get(name), value)

    def of_cluster(self, version: str | None) -> Mapping[str, Placed[Any]]:
        """What is set of the cluster of the callee, or of one version of it."""
        found = {name: self.settings[name] for name in CLUSTER if name in self.settings}
        return found | self.versions.get(version, {}) if version is not None else found

    def value(self, rule: Rule, name: str) -> Any:
        placed = self.setting(rule, name)
        return placed.value if placed else None

    def setting(self, rule: Rule, name: str) -> Placed[Any] | None:
        """The rule's own setting, or the edge's."""
        return rule.settings.get(name) or self.settings.get(name)


@dataclass(frozen=True, slots=True)
class Filter:
    """A filter that a pattern puts in: at the caller of an ``edge``, or in front of a workload.

    ``kind`` is its place in the order of ``compile/filters/``, or of ``compile/network/`` if its
    ``layer`` is ``network``: it is about connections then, not about requests. ``calls`` is whom it
    asks by itself: the Envoy that runs it has a cluster of each one's name, and ``asks`` are those
    of the services beside Envoy (``beside.py``). Its config comes apart from the listener if
    ``ecds``.
    """

    kind: str
    name: str
    config: Any
    place: Place
    edge: tuple[str, str] | None = None
    inbound: Target | None = None
    calls: tuple[Target, ...] = ()
    asks: tuple[str, ...] = ()
    layer: Layer = "http"
    ecds: bool = False

    @property
    def caller(self) -> str:
        """As whom it calls: the service whose Envoy runs it, the ingress or the client."""
        return self.edge[0] if self.edge else self.inbound.service if self.inbound else ""


def _index() -> Any:
    """What is looked up often, gathered by what it is looked up by."""
    return field(default_factory=lambda: defaultdict(list), init=False, repr=False, compare=False)


@dataclass(slots=True)
class Draft:
    """All of it. ``warnings`` are what a kind wants said without stopping."""

    mesh: Mesh
    edges: dict[tuple[str, str], Edge]
    filters: list[Filter] = field(default_factory=list)
    files: list[Path] = field(default_factory=list)
    warnings: list[Problem] = field(default_factory=list)
    # By service, how callers have to come: "strict" (mutual TLS), "permissive" (plaintext too),
    # "off". The rest of it is the mesh's; see ``identity.py``.
    mtls: dict[str, Placed[str]] = field(default_factory=dict)
    trust_domain: Placed[str] | None = None
    certificate_life: Placed[timedelta] | None = None
    both_ways: frozenset[str] = frozenset()  # services on their way to mutual TLS, or from it
    # By whose requests they are (a service, the ingress, the client): see ``telemetry.py``.
    logs: dict[str, list[Placed[Any]]] = field(default_factory=dict)
    traces: dict[str, Placed[Any]] = field(default_factory=dict)
    hardened: dict[str, Placed[Any]] = field(default_factory=dict)  # by service, or the ingress
    objectives: dict[str, Placed[Any]] = field(default_factory=dict)  # by service
    rollouts: list[Placed[Any]] = field(default_factory=list)  # see ``rollout.py``
    # What patterns want of the services beside Envoy, by service, in the order of the file.
    beside: dict[str, list[Placed[Any]]] = field(default_factory=dict)
    _by_caller: dict[str, list[Edge]] = _index()
    _by_callee: dict[str, list[Edge]] = _index()
    _on_edge: dict[tuple[str, str], list[Filter]] = _index()
    _before_service: dict[str, list[Filter]] = _index()
    _names: set[str] = field(default_factory=set, init=False, repr=False, compare=False)
    _numbers: Counter[str] = field(default_factory=Counter, init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        for edge in self.edges.values():
            self._by_caller[edge.caller].append(edge)
            self._by_callee[edge.callee].append(edge)

    @classmethod
    def of(cls, mesh: Mesh) -> Draft:
        """A draft in which everybody reaches everybody that they may call, and nothing more."""
        edges: Mapping[tuple[str, str], Edge] = {
            (caller, callee): Edge(caller, callee, mesh.services[callee].place)
            for caller in mesh.callers()
            for callee in mesh.callees(caller)
        }
        return cls(mesh, dict(edges))

    def edges_from(self, caller: str) -> Sequence[Edge]:
        """What ``caller`` does with everybody whom it may call."""
        return self._by_caller.get(caller, ())

    def edges_to(self, callee: str) -> Sequence[Edge]:
        """What everybody who may call ``callee`` does with it."""
        return self._by_callee.get(callee, ())

    def filters_on(self, edge: Edge) -> Sequence[Filter]:
        """Those at the caller of this edge."""
        return self._on_edge.get((edge.caller, edge.callee), ())

    def filters_before(self, service: str) -> Sequence[Filter]:
        """Those in front of the workloads of ``service``, of all its versions or of one."""
        return self._before_service.get(service, ())

    def all_files(self) -> tuple[Path, ...]:
        """Everything that was read to make this: a change of any of them changes it."""
        return (*self.mesh.files, *self.files)

    def add_filter(
        self,
        kind: str,
        label: str,
        config: Any,
        place: Place,
        *,
        edges: Iterable[Edge] = (),
        inbound: Iterable[Target] = (),
        calls: tuple[Target, ...] = (),
        asks: tuple[str, ...] = (),
        layer: Layer = "http",
        ecds: bool = False,
    ) -> None:
        """Put one filter at the callers of ``edges`` and in front of ``inbound`` workloads.

        It is named after ``kind`` and ``label``; a second one of that name gets a number.
        """
        name = self._free(f"{kind}.{label}" if label else kind)
        more: dict[str, Any] = {"calls": calls, "asks": asks, "layer": layer, "ecds": ecds}
        for edge in edges:
            ends = (edge.caller, edge.callee)
            self.keep(Filter(kind, name, config, place, edge=ends, **more))
        for workload in inbound:
            self.keep(Filter(kind, name, config, place, inbound=workload, **more))

    def keep(self, made: Filter) -> None:
        """Put in a filter as it is, its name too."""
        self.filters.append(made)
        if made.edge:
            self._on_edge[made.edge].append(made)
        if made.inbound:
            self._before_service[made.inbound.service].append(made)

    def ask(self, service: str, part: Placed[Any]) -> None:
        """Want ``part`` of a service beside Envoy (``beside.py``), which runs then."""
        self.beside.setdefault(service, []).append(part)

    def _free(self, base: str) -> str:
        """A name for one more filter."""
        while True:
            self._numbers[base] += 1
            name = base if self._numbers[base] == 1 else f"{base}.{self._numbers[base]}"
            if name not in self._names:
                self._names.add(name)
                return name
