"""What a claim's commands came to, against what it says of them. No I/O."""

from __future__ import annotations

from collections.abc import Iterator

from mesh_patterns.expect import ClaimSpec
from mini_mesh.proving.observed import Observed, Ran
from mini_mesh.proving.verdict import Verdict, title

MAX_LINES = 8  # of the output of a command that did not do what it should


def outputs(claim: ClaimSpec, observed: Observed) -> Iterator[Verdict]:
    """A verdict for each command's exit code, and for each text that it should print."""
    for index, (spec, ran) in enumerate(zip(claim.runs, observed.ran, strict=True)):
        place, what = claim.place("runs", index), title(claim, _short(spec.meshloom))
        wrong = ran.code != spec.exits
        yield Verdict(
            what,
            f"exits with {spec.exits}",
            "did not end" if ran.code is None else str(ran.code),
            not wrong,
            str(place),
            evidence=_tail(ran) if wrong else (),
        )
        for text in spec.prints:
            there = text in ran.printed
            yield Verdict(
                what,
                f"prints {text!r}",
                "printed" if there else "not printed",
                there,
                str(place),
                evidence=() if there else _tail(ran),
            )


def _short(line: str) -> str:
    """Which command it is."""
    return " ".join(("meshloom", *line.split()[:2]))


def _tail(ran: Ran) -> tuple[str, ...]:
    return tuple(ran.printed.splitlines()[-MAX_LINES:])
