"""Text that a terminal does not obey."""

from __future__ import annotations

from tap.printable import printable


def test_what_a_terminal_might_obey_is_an_escape() -> None:
    assert printable("größer → 5") == "größer → 5"
    assert printable("a\x1b[2J\n\u202eb\ud800") == "a\\x1b[2J\\n\\u202eb\\ud800"
