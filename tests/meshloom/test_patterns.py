"""``meshloom patterns``: the catalogue as a person and a program see it."""

from __future__ import annotations

from pathlib import Path

import pytest

from mesh_patterns.catalogue import entry, names
from meshloom.arguments import complete_file, complete_pattern
from tests.meshloom.command import inside


def test_all_patterns_are_listed_by_area_with_what_they_are_for() -> None:
    done = inside("patterns", "list")
    assert done.code == 0
    for name in names():
        assert f"  {name} " in done.out
    assert done.out.index("I  foundations") < done.out.index("II  deployment")
    assert done.out.splitlines()[-1].startswith(f"{len(names())} patterns")


def test_an_area_goes_by_its_number_or_its_name() -> None:
    by_number, by_name = (
        inside("patterns", "list", "--area", "II", "--json"),
        inside("patterns", "list", "--area", "deployment", "--json"),
    )
    assert by_number.events == by_name.events
    assert {event["area"] for event in by_number.events} == {"II"}
    wrong = inside("patterns", "list", "--area", "VII")
    assert wrong.code == 2
    assert "expected one of I, II" in wrong.err


def test_a_pattern_is_shown_with_its_file_and_what_it_costs() -> None:
    done = inside("patterns", "show", "retries")
    about = entry("retries").about
    assert about.intent.split(",")[0] in done.out
    assert "costs" in done.out
    assert "pattern: retries" in done.out
    assert "about:" not in done.out  # told above, in words
    (event,) = inside("patterns", "show", "retries", "--json").events
    assert event["text"] == entry("retries").file.read_text()
    assert event["kinds"] == ["retries", "fault", "load_balancing"]


def test_a_pattern_that_is_not_there_is_told(tmp_path: Path) -> None:
    done = inside("patterns", "show", "retrys")
    assert (done.code, done.out) == (2, "")
    assert "did you mean 'retries'?" in done.err


def test_a_copy_is_ones_own_and_nothing_is_overwritten(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert inside("patterns", "new", "timeouts").code == 0
    written = tmp_path / "timeouts.yaml"
    assert written.read_text() == entry("timeouts").file.read_text()
    written.write_text("mine")
    again = inside("patterns", "new", "timeouts")
    assert (again.code, written.read_text()) == (2, "mine")
    assert "is there already" in again.err
    assert inside("patterns", "new", "timeouts", "nowhere/x.yaml").code == 2


def test_a_pattern_of_the_catalogue_is_a_file_for_other_commands() -> None:
    assert inside("check", "catalog:retries").code == 0
    wrong = inside("check", "catalog:retrys")
    assert (wrong.code, "did you mean 'retries'?" in wrong.err) == (2, True)


def test_the_shell_completes_names() -> None:
    assert complete_pattern("retr") == ["retry-budget", "retries"]


def test_it_completes_whole_names_wherever_a_file_is_and_what_bash_leaves_of_them() -> None:
    assert complete_file([], "catalog:retr") == ["catalog:retry-budget", "catalog:retries"]
    assert complete_file(["catalog", ":"], "retr") == ["retry-budget", "retries"]
    assert complete_file(["catalog"], ":") == names()
    assert complete_file([], "cat") == [f"catalog:{name}" for name in names()]
    assert complete_file([], "mine") == complete_file([], "") == []  # files, which it knows itself
