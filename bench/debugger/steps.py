"""What a step costs in a recorded trace of 10,000 hostcalls, there and back, and what comes first.

    .venv/bin/python bench/debugger/steps.py [--hostcalls N] [--filter F.wasm --config FILE]

Without --filter a module is made that changes and reads headers, properties, shared data, metrics
and logs. A step is a move and the lines that are shown for it; each number is the median, the 99th
percentile and the longest of all steps, in ms, and the longest as the processor's time counts it,
for machines that others use, too. With --filter its lines (DWARF) are looked up, too.
"""

from __future__ import annotations

import argparse
import gc
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from random import Random

sys.path.insert(0, str(Path(__file__).parents[2]))

from debugger.stepping.guest.places import Places
from debugger.stepping.run.history import History, watch
from debugger.stepping.run.memory import Memory
from debugger.stepping.session import Session
from mesh_traffic import Headers, Request
from tests.wasm_filters.probe import Call, Out
from tests.wasm_filters.script import Script
from wasm_filters.config import PluginConfig
from wasm_filters.module import Module, read_code
from wasm_filters.recording.recorder import Recorder

CALLS = [
    Call("proxy_get_header_map_value", [0, b":path", Out.TEXT]),
    Call("proxy_replace_header_map_value", [0, b"x-a", b"1"]),
    Call("proxy_add_header_map_value", [0, b"x-b", b"2"]),
    Call("proxy_get_property", [b"request\0path", Out.TEXT]),
    Call("proxy_set_property", [b"mine", b"kept"]),
    Call("proxy_set_shared_data", [b"key", b"value", 0]),
    Call("proxy_increment_metric", [4, 1]),
    Call("proxy_log", [2, b"a line of the log"]),
]
HEADERS = Headers.of({f"x-{number}": "value" for number in range(20)})


def made() -> bytes:
    define = Call("proxy_define_metric", [0, b"hits", Out.NUMBER])
    calls = {"proxy_on_configure": [define], "proxy_on_request_headers": CALLS * 4}
    return Script(calls).code()


@contextmanager
def timed(what: str) -> Iterator[None]:
    started = time.perf_counter()
    yield
    print(f"{what:<40}{(time.perf_counter() - started) * 1000:>10,.1f} ms")


Times = list[tuple[float, float]]  # of one step: as a clock has it, and of the processor


def spread(what: str, times: Times) -> None:
    clock, cpu = (sorted(one) for one in zip(*times, strict=True))
    found = clock[len(clock) // 2], clock[int(len(clock) * 0.99)], clock[-1], cpu[-1]
    figures = "".join(f"{seconds * 1000:>10.3f}" for seconds in found)
    print(f"{what:<40}{figures}   {len(times):,} steps")


def each(action: Callable[[], object], count: int) -> Times:
    found = []
    for _ in range(count):
        clock, cpu = time.perf_counter(), time.thread_time()
        action()
        found.append((time.perf_counter() - clock, time.thread_time() - cpu))
    return found


def recorded(code: bytes, wanted: int, configuration: bytes) -> tuple[Recorder, Module]:
    module = Module.of(code, "bench")
    recorder = Recorder([(module, Path("bench.wasm"), PluginConfig("bench", "", configuration))])
    recorder.start()
    while recorder.recording.hostcalls < wanted:
        recorder.handle(Request("GET", "/x", "here", "http", HEADERS))
    return recorder, module


def steps(history: History, places: Places) -> None:
    session, count = Session(history, places), len(history) - 1
    print(f"\n{'ms':<40}{'median':>10}{'99 %':>10}{'longest':>10}{'its CPU':>10}")
    spread("step", each(lambda: session.do("step"), count))
    spread("back", each(lambda: session.do("back"), count))
    spread("step, and all of the state as lines", each(lambda: session.do("s") + session.do("show"),
                                                       count))  # fmt: skip
    chosen = Random(0)
    jump = each(lambda: session.do(f"go {chosen.randint(1, count)}"), 200)
    spread("to a step anywhere", jump)
    session.do("break trap")
    session.do("go 1")
    spread("continue past all of them", each(lambda: session.do("until trap"), 20))
    session.do("watch 0 64")
    spread("back, with memory that is watched", each(lambda: session.do("back"), count))


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--hostcalls", type=int, default=10_000)
    parser.add_argument("--filter", type=Path)
    parser.add_argument("--config", type=Path)
    given = parser.parse_args()
    code = read_code(given.filter) if given.filter else made()
    configuration = given.config.read_bytes() if given.config else b""
    with timed("record"):
        recorder, module = recorded(code, given.hostcalls, configuration)
    with timed("run again, and note every stop"):
        history = watch(recorder.recording, [module])
    with timed("look up the lines of the source"):
        places = Places.of(history, {module.sha256: code})
    with timed("memory at the last stop"):
        Memory(history).read(history.stops[-1], 0, 64)
    with timed("memory at every stop"):
        Memory(history).watched(1, 0, 64)
    print(f"{recorder.recording.hostcalls:,} hostcalls, {len(history):,} stops")
    gc.collect()
    gc.freeze()  # as the command does
    steps(history, places)


if __name__ == "__main__":
    main()
