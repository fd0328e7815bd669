"""How it looks."""

from __future__ import annotations

from typing import Any

from meshloom import xds_lines
from meshloom.xds_lines import columns


def test_columns_are_as_wide_as_their_widest_and_end_without_blanks() -> None:
    assert list(columns([("A", "BB", ""), ("aaa", "b", "c"), ("a", "", "")])) == [
        "A    BB",
        "aaa  b   c",
        "a",
    ]


def entry(what: str, **more: Any) -> dict[str, Any]:
    empty = {"type": "", "version": "", "names": [], "count": 0, "text": "", "place": None}
    return {"at": 0.25, "what": what, "milliseconds": None, **empty, **more}


def test_of_a_long_history_it_is_said_how_much_is_missing() -> None:
    entries = [
        entry("opened", text="Delta"),
        entry("sent", type="Cluster", version="0123456789ab", names=["a", "b"], count=7),
    ]
    older, _, opened, sent = xds_lines.history({"node": "e", "entries": entries, "dropped": 12})
    assert older == "12 older ones are not remembered"
    assert opened.split()[1:] == ["opened", "Delta"]
    assert sent.endswith("sent    Cluster  012345         a, b and 5 more")
    nothing = {"node": "e", "entries": [], "dropped": 0}
    assert list(xds_lines.history(nothing)) == ["e: nothing has happened yet"]


def test_of_many_fields_the_rest_is_counted() -> None:
    resource = {
        "type": "Cluster",
        "name": "c",
        "change": "changed",
        "to_be": "2" * 12,
        "sent": "2" * 12,
        "accepted": "",
        "in_effect": "warming",
        "error": "no",
        "place": None,
        "fields": [{"path": "name", "from": None, "to": "c", "place": "a.yaml:1:1"}],
        "fields_in_all": 8,
    }
    told = {"node": "e", "connected": True, "version": "abcdef", "resources": [resource]}
    assert list(xds_lines.difference(told)) == [
        "TYPE     NAME  TO BE   SENT    ACCEPTED  IN EFFECT",
        "Cluster  c     222222  222222  -         warming    changed",
        "    name: nothing → 'c'   a.yaml:1:1",
        "    and 7 fields more",
        "    no",
    ]


def test_loads_are_a_table() -> None:
    one = {"cluster": "c", "issued": 9, "succeeded": 7, "failed": 1, "dropped": 1, "in_progress": 1}
    assert list(xds_lines.loads({"clusters": [one]})) == [
        "CLUSTER  ISSUED  SUCCEEDED  FAILED  DROPPED  IN PROGRESS",
        "c        9       7          1       1        1",
    ]
    assert list(xds_lines.loads({"clusters": []})) == ["nobody has reported any load"]


def test_what_came_back_says_instead_of_what() -> None:
    release = {"version": "6f1c2a", "at": 0.0, "outcome": "good", "instead_of": "77ab01"}
    (*_, last) = xds_lines.nodes({"nodes": [], "releases": [release]})
    assert last.startswith("version 6f1c2a since ")
    assert last.endswith(": good, instead of 77ab01")
