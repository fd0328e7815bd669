"""Any sequence of requests and snapshots: a client that answers in the end has what is served.

Invariants: no response holds a name twice, at most one response of a type is under way, no route
goes out before its clusters, and once all is ACKed the client holds exactly what it asked for.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from tests.xds_server.playbook import (
    CLUSTER,
    ENDPOINT,
    LISTENER,
    NODE,
    ROUTE,
    a_listener,
    a_route,
    an_assignment,
    an_eds_cluster,
)
from xds_server.catalogue import Catalogue
from xds_server.resource import FULL_STATE, ResourceType
from xds_server.sessions.delta import DeltaSession
from xds_server.sessions.known import Known
from xds_server.sessions.messages import DeltaRequest, DeltaResponse, SotwRequest, SotwResponse
from xds_server.sessions.sotw import SotwSession
from xds_server.snapshot import Snapshot

NAMES = ("a", "b", "xdstp://m/t/c")
KINDS = (CLUSTER, ENDPOINT, LISTENER, ROUTE)

contents = st.dictionaries(st.sampled_from(NAMES), st.integers(0, 2))
served = st.tuples(contents, contents, contents, contents)
steps = st.one_of(
    st.tuples(st.just("serve"), served),
    st.tuples(
        st.just("want"), st.sampled_from((ENDPOINT, ROUTE)), st.frozensets(st.sampled_from(NAMES))
    ),
    st.tuples(st.just("open"), st.sampled_from((CLUSTER, LISTENER))),
    st.tuples(st.just("answer"), st.sampled_from(KINDS), st.booleans()),
)


def a_snapshot(spec: Any, content: str = "") -> Snapshot:
    clusters, assignments, listeners, routes = spec
    made = [an_eds_cluster(name, f"{value}{content}") for name, value in clusters.items()]
    shift = 3 if content else 0
    made += [an_assignment(name, value + shift) for name, value in assignments.items()]
    made += [a_listener(name, f"{value}{content}") for name, value in listeners.items()]
    made += [
        a_route(name, *NAMES[:value], content=f"{value}{content}") for name, value in routes.items()
    ]
    return Snapshot.of(made)


@dataclass
class Client:
    """A client that keeps the protocol, but answers when it likes."""

    session: Any
    has: dict[ResourceType, dict[str, str]] = field(default_factory=dict)
    wanted: dict[ResourceType, frozenset[str]] = field(default_factory=dict)
    nonces: dict[ResourceType, str] = field(default_factory=dict)
    waiting: dict[ResourceType, Any] = field(default_factory=dict)

    def take(self, outputs: list[Any]) -> None:
        for each in outputs:
            if isinstance(each, (SotwResponse, DeltaResponse)):
                assert each.type not in self.waiting, "two responses of one type under way"
                names = [resource.name for resource in each.resources]
                assert len(set(names)) == len(names), "a name comes twice"
                self._check_clusters(each)
                self.waiting[each.type] = each

    def _check_clusters(self, response: Any) -> None:
        if response.type is ROUTE and CLUSTER in self.wanted:
            present = self.session._snapshot.resources(CLUSTER)
            for resource in response.resources:
                missing = (resource.clusters & present.keys()) - self.accepted()
                assert not missing, "a route comes before its clusters"

    def accepted(self) -> set[str]:
        return set(self.session._substreams[CLUSTER].accepted)

    def answer(self, kind: ResourceType, ack: bool) -> None:
        response = self.waiting.pop(kind, None)
        if response is None:
            return
        self.nonces[kind] = response.nonce
        ack = ack or not response.resources  # a removal alone gives nobody cause to complain
        if ack:
            self._apply(response)
        self.take(self.session.receive(self._answer(kind, response.nonce, None if ack else "no")))

    def _apply(self, response: Any) -> None:
        new = {each.name: each.version for each in response.resources}
        if isinstance(response, SotwResponse) and response.type in FULL_STATE:
            self.has[response.type] = new
            return
        has = self.has.setdefault(response.type, {})
        wanted = self.wanted[response.type]
        has.update({n: v for n, v in new.items() if response.type in FULL_STATE or n in wanted})
        for name in getattr(response, "removed", ()):
            has.pop(name, None)

    def _answer(self, kind: ResourceType, nonce: str, error: str | None) -> Any:
        if isinstance(self.session, DeltaSession):
            return DeltaRequest(kind.type_url, nonce=nonce, error=error)
        return SotwRequest(kind.type_url, tuple(self.wanted[kind]), "", nonce, error)

    def want(self, kind: ResourceType, names: frozenset[str]) -> None:
        before = self.wanted.get(kind)
        if before is None and not names and kind not in FULL_STATE:
            return  # nobody opens a subscription to nothing
        self.wanted[kind] = names
        for name in (before or frozenset()) - names:
            self.has.get(kind, {}).pop(name, None)
        self.take(self.session.receive(self._wish(kind, names, before or frozenset())))

    def _wish(self, kind: ResourceType, names: frozenset[str], before: frozenset[str]) -> Any:
        if isinstance(self.session, DeltaSession):
            return DeltaRequest(kind.type_url, tuple(names - before), tuple(before - names))
        return SotwRequest(kind.type_url, tuple(names), "", self.nonces.get(kind, ""))

    def run(self, step: Any) -> None:
        match step:
            case "serve", spec:
                self.take(self.session.update(a_snapshot(spec)))
            case "want", kind, names:
                self.want(kind, names)
            case "open", kind:
                if kind not in self.wanted:
                    self.want(kind, frozenset())
            case "answer", kind, ack:
                self.answer(kind, ack)

    def settle(self) -> None:
        for _ in range(50):
            if not self.waiting:
                return
            self.answer(next(iter(self.waiting)), ack=True)
        raise AssertionError("the server never comes to rest")


@pytest.mark.parametrize("session_of", [SotwSession, DeltaSession])
@settings(max_examples=250, deadline=None)
@given(story=st.lists(steps, max_size=25), last=served)
@example(  # a rejected route came along with another, before its cluster was accepted
    story=[
        ("open", CLUSTER),
        ("serve", ({"a": 0}, {}, {}, {"b": 1, "c": 1})),
        ("want", ROUTE, frozenset(["b", "c"])),
        ("serve", ({}, {}, {}, {"c": 1})),
        ("answer", ROUTE, False),
        ("serve", ({"a": 0}, {}, {}, {"c": 1, "b": 0})),
    ],
    last=({}, {}, {}, {}),
)
def test_a_client_that_answers_ends_with_what_it_asked_for(
    session_of: Any, story: list[Any], last: Any
) -> None:
    client = Client(session_of(NODE, clock=lambda: 0.0))
    for step in story:
        client.run(step)
    final = a_snapshot(last, "final")
    client.take(client.session.update(final))
    if ROUTE in client.wanted:  # a listener that goes takes its routes along
        client.want(ROUTE, client.wanted[ROUTE] & final.versions(ROUTE).keys())
    client.settle()
    for kind, names in client.wanted.items():
        versions = final.versions(kind)
        wanted = versions if kind in FULL_STATE else {n: versions[n] for n in names & set(versions)}
        has = client.has.get(kind, {})
        if kind in FULL_STATE or session_of is DeltaSession:
            assert has == wanted
        else:
            assert {name: has.get(name) for name in wanted} == wanted


def grown(before: Snapshot, to: Snapshot) -> Snapshot:
    """The same content as ``to``, made by replacing what differs."""
    changed = [each for each in to if before.versions(each.type).get(each.name) != each.version]
    gone = [
        (kind, name)
        for kind in ResourceType
        for name in before.resources(kind)
        if name not in to.resources(kind)
    ]
    return before.replacing(changed, gone)


class Forgetful(Known):
    """Never shares a catalogue: it compares everything, name by name."""

    def settle(self, served: Catalogue) -> None:
        self.add(each for name in self.lacking(served) if (each := served.resources[name]))

    def share(self, served: Catalogue) -> None:
        wants = self._book.wants
        self.replace(each for name, each in served.resources.items() if wants(name))


asked_names = st.frozensets(st.sampled_from((*NAMES, "*", "unknown", "xdstp://m/t/*")))
raw_steps = st.one_of(
    st.tuples(st.just("serve"), served),
    st.tuples(
        st.sampled_from(("ask", "ack", "nack", "stale")),
        st.sampled_from(KINDS),
        asked_names,
        asked_names,
    ),
)


@pytest.mark.parametrize("session_of", [SotwSession, DeltaSession])
@settings(max_examples=300, deadline=None)
@given(story=st.lists(raw_steps, max_size=25))
def test_streams_that_share_snapshots_say_what_streams_say_that_compare_everything(
    session_of: Any, story: list[Any]
) -> None:
    """The same story, of any requests, with new snapshots, with grown ones, and without sharing."""
    fresh, growing, forgetful = (session_of(NODE, clock=lambda: 0.0) for _ in range(3))
    held = Snapshot()
    for step in story:
        if step[0] == "serve":
            new = a_snapshot(step[1])
            held = grown(held, new)
            told = [fresh.update(new), growing.update(held)]
            came: Any = new
        else:
            came = a_request(fresh, *step)
            told = [fresh.receive(came), growing.receive(came)]
        told.append(forgetting(forgetful, came))
        assert told[0] == told[1] == told[2]
        known = [
            [dict(each.known) for each in session.view()] for session in (fresh, growing, forgetful)
        ]
        assert known[0] == known[1] == known[2]


def a_request(session: Any, what: str, kind: ResourceType, one: Any, other: Any) -> Any:
    """As an ACK or a NACK it answers the last response, as a stale request an earlier one."""
    sub = session._substreams.get(kind)
    nonce = sub.nonce if sub is not None and what != "ask" else ""
    if what == "stale" and nonce:
        nonce = "0"
    error = "no" if what == "nack" and nonce else None
    if isinstance(session, DeltaSession):
        return DeltaRequest(kind.type_url, tuple(one), tuple(other), {}, nonce, error)
    return SotwRequest(kind.type_url, tuple(one), "", nonce, error)


def forgetting(session: Any, came: Any) -> Any:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("xds_server.sessions.substream.Known", Forgetful)
        return session.update(came) if isinstance(came, Snapshot) else session.receive(came)
