"""A JUnit report of proofs, as CI systems read it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING
from xml.etree import ElementTree as xml

if TYPE_CHECKING:
    from mini_mesh.proving.prover import Proof


def junit_xml(mesh: str, proofs: Sequence[Proof], seconds: float) -> str:
    """One test case per claim; a claim that does not hold is a failure with what was seen."""
    failed = sum(not proof.holds for proof in proofs)
    suite = xml.Element(
        "testsuite", name=mesh, tests=str(len(proofs)), failures=str(failed), time=f"{seconds:.3f}"
    )
    for proof in proofs:
        case = xml.SubElement(
            suite, "testcase", classname=mesh, name=proof.title, time=f"{proof.seconds:.3f}"
        )
        for verdict in proof.verdicts:
            if not verdict.holds:
                said = f"{verdict.claim}: expected {verdict.expected}, saw {verdict.seen}"
                failure = xml.SubElement(case, "failure", message=said)
                failure.text = "\n".join([verdict.place, *verdict.evidence])
    xml.indent(suite)
    return xml.tostring(suite, encoding="unicode", xml_declaration=True) + "\n"
