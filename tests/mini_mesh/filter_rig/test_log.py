"""Envoy's trace of its VMs, read; the lines are as Envoy 1.40 writes them."""

from __future__ import annotations

from mini_mesh.filter_rig.log import (
    Crossing,
    Line,
    Logged,
    crossings,
    logged,
    read_line,
    without,
)

LOG = [
    "[debug][wasm][7] Thread-Local Wasm created 3 now active",
    "[trace][wasm][7] [host->vm] proxy_on_context_create(2, 1)",
    "[trace][wasm][7] [host<-vm] proxy_on_context_create return: void",
    "[trace][wasm][7] [host->vm] proxy_on_request_headers(2, 7, 0)",
    "[trace][wasm][7] [vm->host] env.proxy_get_header_map_value(0, 1024, 5, 0, 4)",
    "[trace][wasm][7] [host->vm] malloc(6)",
    "[trace][wasm][7] [host<-vm] malloc return: 131072",
    "[trace][wasm][7] [vm<-host] env.proxy_get_header_map_value return: 0",
    "[trace][wasm][7] [vm->host] wasi_snapshot_preview1.fd_write(1, 2, 3, 4)",
    '[info][wasm][7] wasm log my filter: two\\nlines: \\"\\u0001\\\\n',
    "[trace][wasm][7] [vm<-host] wasi_snapshot_preview1.fd_write return: 0",
    "[trace][wasm][7] [host<-vm] proxy_on_request_headers return: 1",
    "[trace][wasm][7] [host->vm] proxy_on_request_body(2, 5, 1)",
    "[trace][wasm][7] [vm->host] env.proxy_done()",
    "[error][wasm][7] Function: proxy_on_request_body failed: Uncaught RuntimeError: unreachable",
    "[trace][wasm][7] [host->vm] proxy_on_tick(1)",
    "[warning][wasm][7] wasm log: of the root",
    "[trace][wasm][7] [host<-vm] proxy_on_tick return: void",
    "[warning][config][7] wasm log: of somebody else",
    "TCMalloc has something to say",
]
LINES = [read_line(text) for text in LOG]


def test_a_line_is_level_logger_and_the_message_as_it_was() -> None:
    assert LINES[9] == Line("info", "wasm", 'wasm log my filter: two\nlines: "\x01\\n', "7")
    assert LINES[-1] == Line("", "", "TCMalloc has something to say")


def test_what_filters_wrote_is_known_by_its_prefix() -> None:
    assert logged(LINES, ["my", "my filter"]) == [
        Logged("my filter", "info", 'two\nlines: "\x01\\n'),
        Logged("", "warning", "of the root"),
    ]


def test_callbacks_and_hostcalls_are_paired_with_their_answers() -> None:
    assert crossings(LINES) == [
        Crossing("proxy_on_context_create", (2, 1), returned=True),
        Crossing("proxy_on_request_headers", (2, 7, 0), result=1, returned=True),
        Crossing(
            "proxy_get_header_map_value",
            (0, 1024, 5, 0, 4),
            "proxy_on_request_headers",
            0,
            returned=True,
        ),
        Crossing("fd_write", (1, 2, 3, 4), "proxy_on_request_headers", 0, returned=True),
        Crossing("proxy_on_request_body", (2, 5, 1)),
        Crossing("proxy_done", (), "proxy_on_request_body"),
        Crossing("proxy_on_tick", (1,), returned=True),
    ]


def test_what_happens_in_one_callback_can_be_left_out() -> None:
    """Also the rest of one whose beginning is not there."""
    ticked = without(LINES, "proxy_on_tick")
    assert [call.name for call in crossings(ticked)][-1] == "proxy_done"
    assert Logged("", "warning", "of the root") not in logged(ticked, ["my filter"])
    rest = without(LINES[5:], "proxy_on_tick")
    assert [call.name for call in crossings(rest)] == ["proxy_on_request_body", "proxy_done"]
