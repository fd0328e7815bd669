"""The protocol as a play: what one end says, and what the other must answer."""

from __future__ import annotations

import pytest

from mini_mesh.federation import session as rules
from mini_mesh.federation.messages import DELETE, UPSERT, Message, Request, Response
from mini_mesh.federation.session import Refusal, Session, Violation
from tests.mini_mesh.federation.given import service, session


def told(owner: Session, *messages: Message) -> list[Message]:
    return [each for message in messages for each in owner.receive(message).send]


def ack(nonce: str, code: int = 0, why: str = "") -> Message:
    return Message(request=Request(nonce=nonce, code=code, message=why))


def shown(messages: list[Message] | tuple[Message, ...]) -> list[tuple[str, int, str]]:
    found = [each.response for each in messages if each.response]
    return [(each.resource_id, each.operation, each.nonce) for each in found]


def test_nothing_is_told_before_somebody_asks() -> None:
    assert session().publish({"api": service()}) == ()


def test_a_catalogue_is_told_one_by_one() -> None:
    owner = session()
    owner.publish({"api": service(), "db": service("db")})
    assert shown(told(owner, *session().open())) == [("api", UPSERT, "n1")]
    assert not owner.settled
    assert shown(told(owner, ack("n1"))) == [("db", UPSERT, "n2")]
    assert told(owner, ack("n2")) == []
    assert owner.settled


def test_only_one_message_is_in_flight() -> None:
    owner = session()
    told(owner, *session().open())
    assert shown(owner.publish({"api": service()})) == [("api", UPSERT, "n1")]
    assert owner.publish({"api": service(), "db": service("db")}) == ()
    assert told(owner, ack("stale")) == []
    assert shown(told(owner, ack("n1"))) == [("db", UPSERT, "n2")]


def test_what_changed_is_told_whole_and_what_went_is_deleted() -> None:
    owner = session()
    owner.publish({"api": service(), "db": service("db")})
    told(owner, *session().open(), ack("n1"), ack("n2"))
    changed = {"api": service(description="new")}
    assert shown(owner.publish(changed)) == [("db", DELETE, "n3")]
    assert shown(told(owner, ack("n3"))) == [("api", UPSERT, "n4")]
    assert told(owner, ack("n4")) == []
    assert owner.publish(changed) == ()


def test_what_is_refused_is_not_told_again_as_it_is() -> None:
    owner = session()
    owner.publish({"api": service()})
    told(owner, *session().open())
    outcome = owner.receive(ack("n1", 3, "no room"))
    assert outcome.refusals == (Refusal("api", 3, "no room"),)
    assert outcome.send == ()
    assert shown(owner.publish({"api": service(description="other")})) == [("api", UPSERT, "n2")]


def test_who_asks_again_is_told_all_again() -> None:
    owner = session()
    owner.publish({"api": service()})
    told(owner, *session().open(), ack("n1"))
    assert shown(told(owner, *session().open())) == [("api", UPSERT, "n2")]


def test_the_context_comes_back() -> None:
    owner = session()
    owner.publish({"api": service()})
    (answer,) = told(owner, *session("who").open())
    assert answer.response is not None
    assert answer.response.context == "who"


def test_both_ends_may_be_both() -> None:
    one, other = session(), session()
    one.publish({"a": service("a")})
    other.publish({"b": service("b")})
    (first,) = told(one, *other.open())
    (second,) = told(other, *one.open())
    assert [each.name for each in other.receive(first).arrivals] == ["a"]
    assert [each.name for each in one.receive(second).arrivals] == ["b"]


def test_an_arrival_waits_to_be_taken() -> None:
    owner, consumer = session(), session()
    owner.publish({"api": service()})
    (answer,) = told(owner, *consumer.open())
    (arrival,) = consumer.receive(answer).arrivals
    assert arrival.service == service()
    assert told(owner, *consumer.accept(arrival.nonce)) == []
    (gone,) = owner.publish({})
    (arrival,) = consumer.receive(gone).arrivals
    assert (arrival.name, arrival.service) == ("api", None)


@pytest.mark.parametrize(
    ("response", "why"),
    [
        (Response("n", "api", 7), "operation: wanted UPSERT or DELETE, got 7"),
        (Response("n", "api", UPSERT, b"\xff"), "are no FederatedService"),
        (Response("n", "api", UPSERT, b""), "name: wanted a DNS label"),
        (Response("n", "api", UPSERT, resource_url="type.googleapis.com/x"), "wanted type"),
    ],
)
def test_what_cannot_be_taken_is_refused_with_a_reason(response: Response, why: str) -> None:
    outcome = session().receive(Message(response=response))
    assert outcome.arrivals == ()
    (answer,) = outcome.send
    assert answer.request is not None
    assert answer.request.nonce == "n"
    assert answer.request.code == rules.INVALID_ARGUMENT
    assert why in answer.request.message


def test_a_catalogue_without_end_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rules, "MAX_SERVICES", 1)
    owner, consumer = session(), session()
    owner.publish({"a": service("a"), "b": service("b")})
    (first,) = told(owner, *consumer.open())
    consumer.receive(first)
    (second,) = told(owner, ack("n1"))
    outcome = consumer.receive(second)
    assert outcome.arrivals == ()
    assert outcome.send[0].request is not None
    assert "more than 1 services" in outcome.send[0].request.message


@pytest.mark.parametrize(
    "message",
    [
        Message(request=Request(resource_url="type.googleapis.com/other")),
        Message(response=Response("", "api", UPSERT)),
    ],
)
def test_what_is_not_the_protocol_ends_the_stream(message: Message) -> None:
    with pytest.raises(Violation):
        session().receive(message)
