"""Words and URLs become addresses, and nobody sends load to a stranger by mistake."""

from __future__ import annotations

from typing import Any

import pytest

from mini_mesh.load.aim import Message, to_mesh, to_url
from mini_mesh.load.load import LoadError

STATE: dict[str, Any] = {
    "name": "shop",
    "ingress": "http://127.0.0.1:1",
    "services": {
        "web": {
            "url": "http://127.0.0.1:2",
            "ingress": "http://127.0.0.1:1",
            "versions": {"": {"calls": {"api": "127.0.0.1:3"}}},
        },
        "api": {"url": "http://127.0.0.1:4", "ingress": None, "versions": {"": {"calls": {}}}},
    },
}
GET = Message(path="/a")


def addresses(*words: str) -> list[tuple[str, str]]:
    return [(each.name, each.address) for each in to_mesh(STATE, words, GET)]


def test_each_way_in_has_its_address() -> None:
    assert addresses("ingress", "api", "web -> api", "ingress -> web") == [
        ("ingress", "127.0.0.1:1"),
        ("client -> api", "127.0.0.1:4"),
        ("web -> api", "127.0.0.1:3"),
        ("ingress -> web", "127.0.0.1:1"),
    ]


def test_without_words_it_is_the_ingress() -> None:
    assert addresses() == [("ingress", "127.0.0.1:1")]


def test_the_host_is_the_service() -> None:
    (made,) = to_mesh(STATE, ["web -> api"], Message(method="POST", body=b"x"))
    assert made.request.startswith(b"POST / HTTP/1.1\r\nhost: api\r\n")


@pytest.mark.parametrize(
    ("word", "says"),
    [
        ("apo", "no service 'apo'; did you mean 'api'"),
        ("wep -> api", "no service 'wep'; did you mean 'web'"),
        ("api -> web", "api does not call web"),
        ("ingress -> api", "api has no ingress"),
    ],
)
def test_what_is_not_there_is_said(word: str, says: str) -> None:
    with pytest.raises(LoadError, match=says):
        addresses(word)


def test_a_url_with_a_service_s_name_goes_into_the_mesh() -> None:
    assert to_url(STATE, "http://web/a", GET).address == "127.0.0.1:1"
    assert to_url(STATE, "http://web/a", GET, inside=True).address == "127.0.0.1:2"
    assert to_url(STATE, "http://api:8080/a", GET).address == "127.0.0.1:4"


def test_this_machine_is_fine_and_others_have_to_be_asked_for() -> None:
    assert to_url(None, "http://localhost:9/", GET).address == "localhost:9"
    assert to_url(STATE, "http://127.0.0.2:9/", GET).address == "127.0.0.2:9"
    with pytest.raises(LoadError, match="not this machine, nor a service of shop"):
        to_url(STATE, "http://192.168.1.15/productpage", GET)
    anywhere = Message(anywhere=True)
    assert to_url(None, "http://192.168.1.15/", anywhere).address == "192.168.1.15:80"
