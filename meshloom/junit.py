"""A JUnit report, as CI systems read it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from xml.etree import ElementTree as xml


@dataclass(frozen=True, slots=True)
class JunitCase:
    """One test case. ``group`` is what it belongs to; ``failures`` are what was wrong, each in a
    line and at length."""

    group: str
    name: str
    seconds: float
    failures: Sequence[tuple[str, str]] = ()


def junit_xml(suite: str, cases: Sequence[JunitCase], seconds: float) -> str:
    """One suite with all cases; control characters, which XML can't hold, become U+FFFD."""
    failed = sum(bool(case.failures) for case in cases)
    root = xml.Element(
        "testsuite", name=suite, tests=str(len(cases)), failures=str(failed), time=f"{seconds:.3f}"
    )
    for case in cases:
        element = xml.SubElement(
            root,
            "testcase",
            classname=_clean(case.group),
            name=_clean(case.name),
            time=f"{case.seconds:.3f}",
        )
        for message, details in case.failures:
            failure = xml.SubElement(element, "failure", message=_clean(message))
            failure.text = _clean(details)
    xml.indent(root)
    return xml.tostring(root, encoding="unicode", xml_declaration=True) + "\n"


def _clean(text: str) -> str:
    return "".join(c if c in "\t\n\r" or (c >= " " and not _is_bad(c)) else "\ufffd" for c in text)


def _is_bad(character: str) -> bool:
    return "\ud800" <= character <= "\udfff" or character in "\ufffe\uffff"
