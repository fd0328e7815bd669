"""What is said of an exchange: rows, details, bars, bodies. All of it plain text, safe to show."""

from __future__ import annotations

import gzip
from datetime import UTC

import pytest
from rich.cells import cell_len

from mesh_traffic import Body, Exchange, Headers, Request, Response, Timing
from meshloom.tap.tui import bodies
from meshloom.tap.tui.bars import Span, bar, bars, spans
from meshloom.tap.tui.columns import COLUMNS, cells, headings, layout, order_at
from meshloom.tap.tui.details import details
from meshloom.tap.tui.look import ROLES, content
from meshloom.tap.tui.words import Line, caret, fitting
from tap.access_log import SOURCE as LOG
from tests.meshloom.tap.tui.feed import exchange

EVIL = "\x1b]52;c;cm0gLXJm\x07[red]\x9b31m\u202e[/]\udcff\r\n"


def text(line: Line) -> str:
    return "".join(part for part, _ in line)


def shown(one: Exchange, width: int = 100) -> list[str]:
    return [text(line).rstrip() for line in details(one, width, UTC)]


def hostile() -> Exchange:
    headers = Headers.of([(EVIL, EVIL), ("x", "y" * 10_000)])
    return exchange(
        5,
        request=Request(
            EVIL,
            "/" + EVIL * 100,
            EVIL,
            headers=headers,
            body=Body(EVIL.encode("utf-8", "surrogateescape")),
        ),
        response=Response(503, headers, Body(b"\x00\xff" * 99, truncated=True), trailers=headers),
        route=EVIL,
        cluster=EVIL,
        flags=(EVIL,),
        details=EVIL,
        started=1e300,
    )


def test_a_row_fills_its_width_exactly() -> None:
    one = exchange(5)
    for width in (60, 80, 120, 200):
        columns = layout(width)
        assert cell_len(text(cells(one, columns, UTC)).rstrip()) <= width
        assert cell_len(text(headings(columns, "took", True)).rstrip()) <= width
    row = text(cells(exchange(5), layout(140), UTC))
    assert row.startswith("00:07:31.270  productpage v1 → ratings v2")
    assert row.rstrip().endswith(
        "POST    /ratings/5                   503     9.0 ms      38 B  3 tries  UO circuit br…"
    )


def test_where_room_is_short_size_and_flags_go_before_time_and_status_stays() -> None:
    def names(width: int) -> list[str]:
        return [column.heading for column, _ in layout(width)]

    assert len(names(120)) == len(COLUMNS)
    assert "size" not in names(100)
    assert names(70) == ["from → to", "", "path", "status", "took"]
    assert "status" in names(10)


def test_a_click_on_a_heading_sorts_by_its_column() -> None:
    columns = layout(120)
    assert order_at(columns, 3) == "time"
    assert order_at(columns, 16) == "from → to"
    assert order_at(columns, 500) == ""
    assert text(headings(columns, "time", False)).startswith("time ▴")


@pytest.mark.parametrize("width", [0, 1, 2, 7, 30])
@pytest.mark.parametrize(
    "said", ["", "plain", "日本語のテキスト", "e\u0301" * 500, EVIL, "x" * 10**6]
)
def test_a_cell_is_as_wide_as_it_was_wanted(said: str, width: int) -> None:
    cell = fitting(said, width)
    assert cell_len(cell) == width
    assert cell.isprintable()


def test_the_details_have_everything() -> None:
    lines = shown(exchange(5))
    assert lines[:2] == ["POST /ratings/5   503   9.0 ms", "UO circuit breaker open"]
    told = "\n".join(lines)
    for wanted in (
        "at          2026-11-21 00:07:31.270, by productpage-v1 (outbound)",
        "route       ratings-route",
        "cluster     ratings-v2",
        "tries       3",
        "request id  3f0c-1",
        "end-user: jason",
        "body, 30 bytes, json",
        '  "item": "teapot",',
        '  "text": "splendid"',
    ):
        assert wanted in told
    assert lines.index("request") < lines.index("response")


def test_what_was_not_seen_is_told() -> None:
    summary = exchange(
        0, request=Request(), response=Response(200), sources=(LOG,), timing=Timing()
    )
    told = shown(summary)
    assert told.count("headers and bodies were not seen, only the access log tells of it") == 2
    assert "no response was seen" in shown(exchange(0, response=None))
    sizes = exchange(0, response=Response(200, body=Body(truncated=True, size=5_000)))
    assert "body not captured, 5,000 bytes" in shown(sizes)
    assert "no body" in shown(exchange(0))


def test_captured_bytes_are_shown_and_never_obeyed() -> None:
    one = hostile()
    for line in (*details(one, 100, UTC), cells(one, layout(200), UTC)):
        assert text(line).isprintable()
        assert not line or content([line]).plain == text(line)  # no markup was read
    told = "\n".join(shown(one))
    assert r"\x1b]52;c;cm0gLXJm\x07[red]\x9b31m\u202e[/]\udcff\r\n" in told
    assert "6,000 more characters" in told
    assert "a time that no calendar has" in told


def test_a_long_body_is_shown_in_part_and_says_so() -> None:
    many = exchange(0, request=Request(body=Body(b"a\n" * 10_000, size=20_000)))
    lines = [text(line) for line in bodies.body(many, "request")]
    assert len(lines) == bodies.MAX_LINES + 2
    assert (lines[0], lines[-1]) == ("body, 20,000 bytes, text", "… 8,000 more lines")
    one = exchange(0, request=Request(body=Body(b"x" * 9_000, True, 12_000)))
    told, long, more, *_ = [text(line) for line in bodies.body(one, "request")]
    assert told == "body, 9,000 of 12,000 bytes, text"
    assert (len(long), more) == (bodies.MAX_LINE, "… 5,000 more characters in this line")


def test_a_body_is_decoded_as_what_it_is() -> None:
    data = gzip.compress(b'{"stars":5}')
    headers = Headers.of({"content-type": "application/json", "content-encoding": "gzip"})
    one = exchange(0, response=Response(200, headers, Body(data, size=len(data))))
    told = [text(line) for line in bodies.body(one, "response")]
    assert told == [f"body, {len(data)} bytes, gzip of 11 bytes, json", "{", '  "stars": 5', "}"]


def test_bars_show_where_the_time_went_on_one_scale() -> None:
    one = exchange(0, duration=0.1, timing=Timing(0.02, 0.04, 0.08, 0.1))
    assert [span.name for span in spans(one)] == ["request", "in Envoy", "upstream", "response"]
    drawn = [text(line) for line in bars(one, 44)]
    assert drawn == [
        "request     ━━━━                      20 ms",
        "in Envoy        ━━━━                  20 ms",
        "upstream            ━━━━━━━━          40 ms",
        "response                    ━━━━      20 ms",
    ]


def test_a_bar_has_half_cells_and_is_never_nothing() -> None:
    assert bar(Span("", 0.0, 0.0), 1.0, 4) == "╸   "
    assert bar(Span("", 1.0, 1.0), 1.0, 4) == "   ╺"
    assert bar(Span("", 0.125, 0.5), 1.0, 4) == "╺━  "
    assert bar(Span("", 0.0, 0.0), 0.0, 2) == "╸ "
    assert bar(Span("", 5.0, 9.0), 1.0, 2) == " ╺"


def test_parts_that_nobody_timed_have_no_bar() -> None:
    assert list(bars(exchange(0, timing=Timing()), 80)) == []
    streaming = exchange(0, timing=Timing(asked=2.0, sent=0.1))
    assert [span.name for span in spans(streaming)] == ["request", "in Envoy"]
    assert [span.name for span in spans(exchange(5))][1] == "other tries"


def test_a_caret_stands_below_its_place_with_the_reason_where_it_fits() -> None:
    assert caret("is no number", 4, 40) == "    ^ is no number"
    assert caret("is no number", 30, 40) == "                 is no number ^"
    assert caret("is no number", 5, 12) == "^ is no num…"
    assert caret("why", 99, 12).endswith("why ^")


def test_every_role_that_is_used_has_a_look() -> None:
    used = {role for line in details(exchange(5), 80) for _, role in line}
    used |= {role for _, role in cells(exchange(5), layout(200))}
    assert used <= set(ROLES)
