"""A module without what is for a debugger: zig links its libraries with their debug information,
1.4 MB that names this machine's folders. The functions' names stay: Envoy shows them after a trap.
"""

from __future__ import annotations

from collections.abc import Iterator

PREAMBLE = 8  # bytes: magic and version
CUSTOM = 0  # a section's id
DEBUG = b".debug_"  # what DWARF's sections start with: yurydelendik.github.io/webassembly-dwarf


def without_debug(code: bytes) -> bytes:
    """``code`` less its DWARF sections. It must be a module: what a linker wrote."""
    return code[:PREAMBLE] + b"".join(
        section for section, content in _sections(code) if not _is_debug(section[0], content)
    )


def _sections(code: bytes) -> Iterator[tuple[bytes, bytes]]:
    """Each section, whole and its content."""
    at = PREAMBLE
    while at < len(code):
        size, start = _number(code, at + 1)
        yield code[at : start + size], code[start : start + size]
        at = start + size


def _is_debug(kind: int, content: bytes) -> bool:
    if kind != CUSTOM:
        return False
    _, name = _number(content, 0)
    return content.startswith(DEBUG, name)


def _number(code: bytes, at: int) -> tuple[int, int]:
    """An unsigned LEB128, and where it ends."""
    value = shift = 0
    while code[at] & 0x80:
        value |= (code[at] & 0x7F) << shift
        at, shift = at + 1, shift + 7
    return value | code[at] << shift, at + 1
