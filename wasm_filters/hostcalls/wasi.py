"""WASI as Envoy answers it: enough for SDK runtimes to start, log, read the clock and randomness.

Both module names that modules import it by, ``wasi_snapshot_preview1`` and ``wasi_unstable``, get
the same answers. There are no files, so most functions answer a fixed error number.
Source: proxy-wasm-cpp-host, src/exports.cc; spec section "Unimplemented WASI functions".
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from enum import IntEnum

from wasm_filters.abi import LogLevel
from wasm_filters.hostcalls.hostcall import (
    Hostcall,
    Parameter,
    iovecs,
    number,
    out_fill,
    out_long,
    out_number,
    place,
    signed,
    text,
)
from wasm_filters.state.host import MAX_LOG_BYTES, Host

WASI_MODULES = ("wasi_snapshot_preview1", "wasi_unstable")
MAX_RANDOM = 64 * 1024
MAX_IOVECS = 1024

SUCCESS, BADF, FAULT, INVAL, NOENT, NOSYS, NOTDIR, NOTSUP = 0, 8, 21, 28, 44, 52, 20, 58
ERRNO = {
    SUCCESS: "success",
    BADF: "badf",
    NOTDIR: "notdir",
    FAULT: "fault",
    INVAL: "inval",
    NOENT: "noent",
    NOSYS: "nosys",
    NOTSUP: "notsup",
    76: "notcapable",
}  # names as in WASI's errno
_LEVELS = {1: LogLevel.INFO, 2: LogLevel.ERROR}  # stdout, stderr


class WasiClock(IntEnum):
    REALTIME = 0
    MONOTONIC = 1


def fd_write(host: Host, fd: int, iovecs: int, count: int, written_at: int) -> int:
    """Log what is written to stdout (INFO) or stderr (ERROR), without one line end; BADF else.

    https://github.com/proxy-wasm/spec/tree/main/abi-versions/v0.2.1#wasi_snapshot_preview1fd_write
    """
    level = _LEVELS.get(fd)
    if level is None:
        return BADF
    if count > MAX_IOVECS:
        return INVAL
    memory, text, written = host.memory, b"", 0
    for at in range(iovecs, iovecs + 8 * count, 8):
        size = memory.read_u32(at + 4)
        text += memory.head(memory.read_u32(at), size, MAX_LOG_BYTES - len(text))
        written += size
    if text:
        host.log(level, text.removesuffix(b"\n"))
    memory.write_u32(written_at, written)
    return SUCCESS


def fd_fdstat_get(host: Host, fd: int, stat_at: int) -> int:
    """Say that stdout and stderr can be written to; BADF for any other."""
    if fd not in _LEVELS:
        return BADF
    for offset, value in ((0, 0), (8, 64), (16, 0)):
        host.memory.write_u64(stat_at + offset, value)
    return SUCCESS


def clock_time_get(host: Host, clock: int, precision: int, time_at: int) -> int:
    """Write the host's time in nanoseconds, for clocks 0 (real) and 1 (monotonic); NOTSUP else."""
    if clock > 1:
        return NOTSUP
    host.memory.write_u64(time_at, host.worker.clock())
    return SUCCESS


def clock_res_get(host: Host, clock: int, resolution_at: int) -> int:
    """Write one nanosecond."""
    if clock > 1:
        return NOTSUP
    host.memory.write_u64(resolution_at, 1)
    return SUCCESS


def random_get(host: Host, data: int, size: int) -> int:
    """Write ``size`` bytes of the host's randomness; INVAL for more than 64 KiB."""
    if size > MAX_RANDOM:
        return INVAL
    host.memory.write(data, host.worker.random.randbytes(size))
    return SUCCESS


def _environment(host: Host) -> list[bytes]:
    items = host.config.environment.items()
    return [f"{name}={value}".encode() + b"\0" for name, value in items]


def environ_sizes_get(host: Host, count_at: int, size_at: int) -> int:
    """Write how many environment variables the plugin was given, and their size in bytes."""
    entries = _environment(host)
    host.memory.write_u32(count_at, len(entries))
    host.memory.write_u32(size_at, sum(map(len, entries)))
    return SUCCESS


def environ_get(host: Host, array: int, data: int) -> int:
    """Write the environment variables that the plugin was given."""
    for entry in _environment(host):
        host.memory.write_u32(array, data)
        host.memory.write(data, entry)
        array += 4
        data += len(entry)
    return SUCCESS


def args_sizes_get(host: Host, count_at: int, size_at: int) -> int:
    """Write that there are no arguments."""
    host.memory.write_u32(count_at, 0)
    host.memory.write_u32(size_at, 0)
    return SUCCESS


def poll_oneoff(host: Host, events: int, out: int, count: int, ready_at: int) -> int:
    """Write that nothing happened, at once; the Go runtime needs it to start."""
    host.memory.write_u32(ready_at, 0)
    return SUCCESS


def proc_exit(host: Host, code: int) -> int:
    """Note that the module wants to end. As in Envoy, it goes on."""
    host.warn(f"the module called proc_exit({code}), which does not end it")
    return SUCCESS


def _answer(errno: int) -> Callable[..., int]:
    """A function that does nothing and answers ``errno``."""
    return lambda host, *arguments: errno


def _standard_only(host: Host, fd: int, *arguments: int) -> int:
    """SUCCESS for stdout and stderr, BADF for any other."""
    return SUCCESS if fd in _LEVELS else BADF


def _call(name: str, function: Callable[..., int], *parameters: Parameter) -> tuple[str, Hostcall]:
    call = Hostcall(name, function, parameters, on_bad_pointer=FAULT, at_start=True)
    return name, call


def _plain(name: str, function: Callable[..., int], params: str) -> tuple[str, Hostcall]:
    return _call(name, function, *map(_parameter, params.split()))


def _parameter(text_: str) -> Parameter:
    """One of ``fd`` (an i32), ``offset:i64``, ``path:text`` (address and size), ``out*`` (where an
    answer would be written)."""
    if text_.endswith("*"):
        return place(text_[:-1])
    name, _, kind = text_.partition(":")
    return {"": number, "i64": signed, "text": text}[kind](name)


# name, answer and parameters of those that answer the same whatever they are asked; names as in
# WASI's witx/wasi_snapshot_preview1.witx
_FIXED = (
    ("args_get", SUCCESS, "array* buffer*"),
    ("sched_yield", SUCCESS, ""),
    ("proc_raise", NOTSUP, "signal"),
    ("fd_close", SUCCESS, "fd"),
    ("fd_seek", SUCCESS, "fd offset:i64 whence newoffset*"),
    ("fd_advise", SUCCESS, "fd offset:i64 len:i64 advice"),
    ("fd_fdstat_set_flags", NOSYS, "fd flags"),
    ("fd_filestat_get", BADF, "fd stat*"),
    ("fd_read", NOSYS, "fd iovs* count nread*"),
    ("fd_pread", NOSYS, "fd iovs* count offset:i64 nread*"),
    ("fd_pwrite", NOSYS, "fd iovs* count offset:i64 nwritten*"),
    ("fd_readdir", NOTDIR, "fd buffer* len cookie:i64 used*"),
    ("fd_renumber", NOTSUP, "fd to"),
    ("fd_tell", NOSYS, "fd offset*"),
    ("fd_prestat_get", BADF, "fd stat*"),
    ("fd_prestat_dir_name", NOSYS, "fd path* len"),
    ("path_open", NOENT, "fd dirflags path:text oflags base:i64 inheriting:i64 flags opened*"),
    ("path_create_directory", NOTSUP, "fd path:text"),
    ("path_filestat_get", NOTSUP, "fd flags path:text stat*"),
    ("path_filestat_set_times", NOTSUP, "fd flags path:text atim:i64 mtim:i64 fst_flags"),
    ("path_link", NOTSUP, "old_fd old_flags old_path:text new_fd new_path:text"),
    ("path_readlink", NOTSUP, "fd path:text buffer* len used*"),
    ("path_remove_directory", NOTSUP, "fd path:text"),
    ("path_rename", NOTSUP, "fd old_path:text new_fd new_path:text"),
    ("path_symlink", NOTSUP, "old_path:text fd new_path:text"),
    ("path_unlink_file", NOTSUP, "fd path:text"),
    ("sock_accept", NOTSUP, "fd flags accepted*"),
    ("sock_recv", NOTSUP, "fd data* count flags received* out_flags*"),
    ("sock_send", NOTSUP, "fd data* count flags sent*"),
    ("sock_shutdown", NOTSUP, "fd how"),
)
FIXED: Mapping[str, int] = {name: errno for name, errno, _ in _FIXED}
ERRORS: Mapping[int, str] = {
    BADF: "BADF", NOTDIR: "NOTDIR", NOENT: "NOENT", NOSYS: "NOSYS", NOTSUP: "NOTSUP",
}  # fmt: skip
WASI: Mapping[str, Hostcall] = dict(
    (
        _call("fd_write", fd_write, number("fd"), iovecs("data"), out_number("written")),
        _call("fd_fdstat_get", fd_fdstat_get, number("fd"), place("stat")),
        _call(
            "clock_time_get",
            clock_time_get,
            number("clock", WasiClock),
            signed("precision"),
            out_long("time"),
        ),
        _call("clock_res_get", clock_res_get, number("clock", WasiClock), out_long("resolution")),
        _call("random_get", random_get, out_fill("bytes")),
        _call("environ_sizes_get", environ_sizes_get, out_number("count"), out_number("size")),
        _call("environ_get", environ_get, place("array"), place("buffer")),
        _call("args_sizes_get", args_sizes_get, out_number("count"), out_number("size")),
        _plain("poll_oneoff", poll_oneoff, "in* out* subscriptions events*"),
        (
            "proc_exit",
            Hostcall("proc_exit", proc_exit, (number("code"),), answers=False, at_start=True),
        ),
        _plain("fd_allocate", _standard_only, "fd offset:i64 len:i64"),
        _plain("fd_sync", _standard_only, "fd"),
        _plain("fd_datasync", _standard_only, "fd"),
        _plain("fd_fdstat_set_rights", _standard_only, "fd base:i64 inheriting:i64"),
        _plain("fd_filestat_set_size", _standard_only, "fd size:i64"),
        _plain("fd_filestat_set_times", _standard_only, "fd atim:i64 mtim:i64 flags"),
        *(_plain(name, _answer(errno), params) for name, errno, params in _FIXED),
    )
)
