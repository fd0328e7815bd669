"""Verdicts on what Envoys told of the requests that crossed them. No I/O."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence

from mesh_patterns.expect import ClaimSpec
from mesh_traffic import Exchange
from mesh_yaml.values import Bounds
from mini_mesh.proving.observed import Observed
from mini_mesh.proving.verdict import Measured, Verdict, counted, title
from tap.language.match import compile_match
from tap.lines import line

MAX_SHOWN = 3  # lines of what crossed, for a claim that does not hold


def crossings(claim: ClaimSpec, observed: Observed) -> Iterator[Verdict]:
    """Of access logs, captures, and the order of what a request crossed."""
    exchanges = [each for each in observed.crossed if not each.is_step]
    for kind, wanted in (("access_log", claim.access_log), ("captures", claim.captures)):
        yield from _counts(claim, observed, exchanges, kind, wanted)
    if claim.in_order:
        yield _in_order(claim, observed, exchanges)


def _counts(
    claim: ClaimSpec,
    observed: Observed,
    exchanges: Sequence[Exchange],
    kind: str,
    wanted: Mapping[str, Bounds],
) -> Iterator[Verdict]:
    for text, bounds in wanted.items():
        matches = compile_match(text)
        count = sum(map(matches, exchanges))
        total = len(observed.samples)
        others = (each for each in exchanges if not matches(each))
        yield Verdict(
            title(claim, f"{kind.replace('_', ' ')} {text}"),
            counted(bounds, total),
            f"{count:,}{lost(observed)}",
            bounds.hold(count, total) and not observed.lost,
            str(claim.place(kind, text)),
            evidence=_lines(others),
            measured=(Measured.of(bounds, count, total),),
        )


def lost(observed: Observed) -> str:
    """What to add to a count of which some did not come."""
    return f" ({observed.lost:,} more were lost)" if observed.lost else ""


def _lines(exchanges: Iterable[Exchange]) -> tuple[str, ...]:
    return tuple(line(each) for each, _ in zip(exchanges, range(MAX_SHOWN), strict=False))


def _in_order(claim: ClaimSpec, observed: Observed, exchanges: Iterable[Exchange]) -> Verdict:
    wanted = [compile_match(text) for text in claim.in_order]
    requests: dict[str, list[Exchange]] = {}
    for each in exchanges:
        requests.setdefault(each.request_id, []).append(each)
    wrong = []
    for found in requests.values():
        found.sort(key=lambda each: each.started)
        ahead = iter(found)
        if not all(any(matches(each) for each in ahead) for matches in wanted):
            wrong.append(found)
    sent = len(observed.samples)
    right = len(requests) - len(wrong)
    return Verdict(
        title(claim, " → ".join(claim.in_order)),
        f"{sent:,}",
        f"{right:,} of {len(requests):,}{lost(observed)}",
        right == len(requests) == sent and not observed.lost,
        str(claim.place("in_order")),
        evidence=_lines(wrong[0]) if wrong else (),
    )
