"""Names of functions as people read them: short, and without Rust's old mangling.

C++ names come demangled by the linker, and Rust's new ones are left as they are.
Source: rust-lang/rust, compiler/rustc_symbol_mangling/src/legacy.rs.
"""

from __future__ import annotations

import re

_PREFIX = "_ZN"
_HASH = re.compile(r"h[0-9a-f]{16}")
_ESCAPE = re.compile(r"\$(?:(SP|BP|RF|LT|GT|LP|RP|C)|u([0-9a-f]{1,6}))\$")
_SIGNS = {
    "SP": "@", "BP": "*", "RF": "&", "LT": "<", "GT": ">", "LP": "(", "RP": ")", "C": ",",
}  # fmt: skip


def demangled(name: str) -> str:
    """``plan_limit::request::header``; a name that is not mangled so, or was cut, as it is."""
    if not name.startswith(_PREFIX):
        return name
    parts, rest = [], name[len(_PREFIX) :]
    while rest and rest[0].isdecimal() and rest[0].isascii():
        digits = re.match(r"[0-9]{1,4}", rest)
        assert digits is not None
        end = digits.end() + int(digits.group())
        parts.append(rest[digits.end() : end])
        rest = rest[end:]
    if not rest.startswith("E") or not parts or not _HASH.fullmatch(parts[-1]):
        return name
    return "::".join(_plain(part) for part in parts[:-1]) or name


def _plain(part: str) -> str:
    text = part[1:] if part.startswith("_$") else part
    return _ESCAPE.sub(_sign, text).replace("..", "::")


def _sign(match: re.Match[str]) -> str:
    if match[1]:
        return _SIGNS[match[1]]
    number = int(match[2], 16)
    return chr(number) if 0x20 <= number < 0xD800 else match[0]


def short(name: str) -> str:
    """Without the parameters of templates and generic types, which are longer than the rest."""
    kept, depth = [], 0
    for at, sign in enumerate(name):
        if sign == "<" and at and not name.endswith("operator", 0, at):
            depth += 1
        elif sign == ">" and depth:
            depth -= 1
        elif not depth:
            kept.append(sign)
    return "".join(kept) or name
