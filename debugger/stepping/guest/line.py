"""One line of a guest's source."""

from __future__ import annotations

from typing import NamedTuple

from debugger.stepping.guest.names import short

SHOWN_PARTS = 3  # of a path; the whole one is in the JSON
# where compilers find what is not the filter's own: crates, and the libraries of Rust, zig and C++
_OTHERS = ("/registry/src/", "/crates/", "/rustc/", "/rustlib/", "/ziglang/", "/include/c++/")


class Line(NamedTuple):
    """``function`` as its language writes it, ``file`` with its folder. ``line`` and ``column`` are
    counted from 1, 0 means that there is none. What is not known is empty."""

    function: str
    file: str
    line: int
    column: int

    @property
    def is_own(self) -> bool:
        """Whether it seems to be the filter's, and of no library."""
        return bool(self.file) and not any(part in self.file for part in _OTHERS)

    @property
    def place(self) -> str:
        """``plan_limit/src/lib.rs:79``; "" if that is not known."""
        if not self.file:
            return ""
        shown = "/".join(self.file.split("/")[-SHOWN_PARTS:])
        return f"{shown}:{self.line}" if self.line else shown

    def __str__(self) -> str:
        return "   ".join(part for part in (short(self.function), self.place) if part)
