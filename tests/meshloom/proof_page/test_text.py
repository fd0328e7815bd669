from __future__ import annotations

from meshloom.proof_page.text import number, safe, seconds


def test_nothing_that_means_something_to_a_browser_stays() -> None:
    assert safe("<b a=\"1\" c='2'>&") == "&lt;b a=&quot;1&quot; c=&#x27;2&#x27;&gt;&amp;"
    assert safe("a\x00\x1b\u202e\ud800\nb") == "a\ufffd\ufffd\ufffd\ufffd\nb"


def test_a_long_text_is_cut() -> None:
    assert safe("x" * 10, 4) == "xxxx…"
    assert safe("&" * 4, 4) == "&amp;" * 4


def test_numbers_are_short() -> None:
    assert [number(v) for v in (0, 1 / 3, 12.5, 123456, float("inf"))] == [
        "0", "0.333", "12.5", "123,456", "inf",
    ]  # fmt: skip
    assert [seconds(v) for v in (0, 0.00123, 0.5, 2)] == ["0 s", "1.23 ms", "500 ms", "2 s"]
