from __future__ import annotations

import pytest

from mesh_patterns.importers.notes import Notes, listed
from mesh_yaml.node import Node
from mesh_yaml.place import DocumentError, Place

HERE = Place("a.yaml", 3, 5)


def test_what_was_ignored_is_told_once_per_file_with_counts() -> None:
    notes = Notes()
    for kind in ("ServiceAccount", "Namespace", "ServiceAccount"):
        notes.ignore(kind, HERE)
    notes.ignore("Secret", Place("b.yaml"))
    assert [str(problem) for problem in notes.finish()] == [
        "a.yaml:3:5: warning: ignored: 2 ServiceAccount, 1 Namespace",
        "b.yaml:1:1: warning: ignored: 1 Secret",
    ]


def test_a_setting_that_is_not_imported_is_told_once_with_its_owners() -> None:
    notes = Notes()
    notes.skip("tls", HERE, "DestinationRule 'a'")
    notes.skip("tls", Place("a.yaml", 9, 5), "DestinationRule 'a'")
    notes.skip("tls", Place("a.yaml", 12, 5), "DestinationRule 'b'")
    notes.skip("tls", HERE, "DestinationRule 'a'")  # the same place, read again
    assert [str(problem) for problem in notes.finish()] == [
        "a.yaml:3:5: warning: not imported yet: tls (2 in DestinationRule 'a', DestinationRule 'b')"
    ]


def test_leftovers_that_say_nothing_are_not_told() -> None:
    notes = Notes()
    node = Node.of({"known": 1, "off": False, "empty": {}, "none": None, "on": True}, HERE)
    notes.leftovers(node, ["known"], "x")
    assert [problem.message for problem in notes.finish()] == ["not imported yet: on (x)"]


def test_a_long_list_is_cut_and_counted() -> None:
    assert listed("abcabc") == "'a', 'b', 'c'"
    assert listed("abcdefgh") == "'a', 'b', 'c', 'd', 'e', 'f' and 2 more"


def test_all_errors_are_raised_together_and_each_once() -> None:
    notes = Notes()

    def fail(message: str) -> None:
        raise DocumentError.at(HERE, message)

    for message in ("one", "two", "one"):
        assert notes.guard(fail, message) is None
    with pytest.raises(DocumentError) as caught:
        notes.finish()
    assert [problem.message for problem in caught.value.problems] == ["one", "two"]
