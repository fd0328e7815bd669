"""What people write as levels, what Envoy answers, and what is to be set."""

from __future__ import annotations

import pytest

from debugger.admin.levels import LevelError, asked, changes, query, read, wanted

KNOWN = {"http": "warning", "router": "info"}


def test_words_are_levels_of_loggers_or_of_all() -> None:
    assert wanted(["http=debug", "warn"]) == {"http": "debug", "all": "warning"}
    for junk in ("=debug", "http=", "loud", "http=1"):
        with pytest.raises(LevelError):
            wanted([junk])


def test_a_logger_that_is_named_goes_before_all_and_what_is_so_already_is_not_set() -> None:
    assert asked({"all": "info", "http": "trace"}, KNOWN) == {"http": "trace"}
    assert asked({"all": "off"}, KNOWN) == {"http": "off", "router": "off"}
    with pytest.raises(LevelError, match="did you mean 'http'"):
        asked({"htp": "info"}, KNOWN)


def test_envoys_answer_is_read() -> None:
    assert read("active loggers:\n  http: warning\n  junk\n  a:b: off\nx: info\n") == {
        "http": "warning",
        "a:b": "off",
    }
    assert changes(KNOWN, {**KNOWN, "http": "off"}) == [("http", "warning", "off")]


def test_nothing_of_a_name_gets_out_of_its_place_in_the_query() -> None:
    assert query({"a&level=off": "info"}) == "?paths=a%26level%3Doff:info"
    assert query({}) == ""
