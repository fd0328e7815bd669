"""What goes out of a captured request."""

from __future__ import annotations

from debugger.replay.request.edit import MARK, Edit, edited, outgoing
from mesh_traffic import Headers, replace
from tests.debugger.replay.captures import GET, NEW, having


def test_what_envoy_adds_is_left_out_and_the_id_is_new() -> None:
    sent = outgoing(GET, Edit(), NEW)
    assert list(sent.request.headers) == [
        ("accept", "*/*"),
        ("x-plan", "free"),
        ("x-request-id", NEW),
        ("x-forwarded-for", "1.2.3.4"),
    ]
    assert list(sent.left_out) == ["x-forwarded-for", "x-forwarded-proto", "traceparent"]
    assert (sent.request.method, sent.request.path) == ("GET", "/page?x=1")


def test_behind_the_ingress_what_other_envoys_added_stays() -> None:
    counted = having(*GET.request.headers, ("x-envoy-attempt-count", "1"))
    outbound = outgoing(replace(counted, direction="outbound"), Edit(), NEW)
    assert list(outbound.left_out) == ["traceparent", "x-envoy-attempt-count"]
    sent = outgoing(replace(counted, direction="inbound"), Edit(), NEW)
    assert list(sent.left_out) == ["traceparent"]  # the Envoy before had sent all else
    assert sent.request.headers.get("x-forwarded-for") == "1.2.3.4,192.0.2.2"
    alone = having(("x-forwarded-for", "192.0.2.2"))
    assert "x-forwarded-for" not in outgoing(alone, Edit(), NEW).request.headers


def test_one_thing_is_changed() -> None:
    edit = Edit({"x-plan": "team", "host": "other"}, frozenset(("accept",)), "POST", "/y", b"{}")
    sent = outgoing(GET, edit, NEW).request
    assert list(sent.headers)[:2] == [("x-plan", "team"), ("x-request-id", NEW)]
    assert (sent.method, sent.path, sent.authority) == ("POST", "/y", "other")
    assert (sent.body.data, sent.body.size) == (b"{}", 2)
    assert list(edit.words()) == [
        "x-plan set", "host set", "accept removed", "method POST", "path set", "body of 2 bytes"
    ]  # fmt: skip
    assert edit
    assert not Edit()


def test_an_id_that_somebody_gives_is_taken_and_the_original_named_if_wanted() -> None:
    sent = outgoing(GET, Edit({"x-request-id": "mine"}, mark=True), NEW).request
    assert sent.headers.get_all("x-request-id") == ["mine"]
    assert sent.headers.get(MARK) == "000f"


def test_another_server_s_authority_gives_way_to_what_was_set() -> None:
    assert outgoing(GET, Edit(), NEW, "api:80").request.authority == "api:80"
    assert outgoing(GET, Edit({"host": "x"}), NEW, "api:80").request.authority == "x"


def test_a_new_body_is_as_it_is_said() -> None:
    packed = having(("content-encoding", "gzip"), body=b"\x1f\x8b")
    assert edited(packed.request, Edit()).headers == Headers((("content-encoding", "gzip"),))
    assert not edited(packed.request, Edit(body=b"plain")).headers
