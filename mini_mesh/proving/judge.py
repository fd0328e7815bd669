"""Whether a claim holds: bounds against what was observed. No I/O."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from mesh_patterns.draft import Draft, Target
from mesh_patterns.expect import ClaimSpec, receiver
from mesh_patterns.selector import target
from mesh_yaml.matching import StringMatch
from mesh_yaml.values import Bounds
from mini_mesh.proving import chances, configs, measures
from mini_mesh.proving.observed import Observed, Sample
from mini_mesh.proving.outputs import outputs
from mini_mesh.proving.verdict import Measured, Verdict, counted, title

# Seconds. Envoy counts a delay from when its event loop last woke, not from the request: of 60
# delays of 100 ms some took 98 as their client saw them.
EARLY = 0.01
MAX_EVIDENCE = 3  # samples that are shown for a claim that does not hold


def judge(claim: ClaimSpec, draft: Draft, observed: Observed) -> Iterator[Verdict]:
    """A verdict for each bound of the claim."""
    yield from answered(claim, observed, draft)
    yield from _shares(claim, draft, observed)
    yield from _each(claim, draft, observed)
    yield from _upstream(claim, draft, observed)
    yield from _versions(claim, draft, observed)
    yield from _times(claim, observed)
    yield from measures.latencies(claim, observed)
    yield from measures.peaks(claim, draft, observed)
    yield from measures.stats(claim, draft, observed)
    yield from configs.configs(claim, draft, observed)
    yield from outputs(claim, observed)
    if claim.is_witnessed:
        # filters and lines of taps are imported where somebody asks for them only
        from mini_mesh.proving import crossing, tracing

        yield from crossing.crossings(claim, observed)
        yield from tracing.traces(claim, observed)


def answered(claim: ClaimSpec, observed: Observed, draft: Draft | None = None) -> Iterator[Verdict]:
    """The verdicts that the answers alone decide: status, headers, body. A ``draft`` says what is
    left to chance."""
    yield from _statuses(claim, observed, draft)
    yield from _answered(claim, observed)
    yield from _headers(claim, observed)
    yield from _body(claim, observed)


def _statuses(claim: ClaimSpec, observed: Observed, draft: Draft | None) -> Iterator[Verdict]:
    seen, total = observed.statuses(), _sent(claim, observed)
    for status, bounds in (claim.status or {}).items():
        count = seen[status]
        chance = chances.of_status(claim, draft, status) if draft else None
        others = ", ".join(f"{n:,} × {_status(s)}" for s, n in seen.most_common() if s != status)
        yield Verdict(
            title(claim, f"status {status}"),
            counted(bounds, total),
            f"{count:,}" + (f" (and {others})" if others else ""),
            bounds.hold(count, total),
            str(claim.place("status", str(status))),
            chances.to_fail(bounds, total, chance),
            evidence=_evidence(s for s in observed.samples if s.status != status),
            measured=(Measured.of(bounds, count, total),),
        )


def _answered(claim: ClaimSpec, observed: Observed) -> Iterator[Verdict]:
    if claim.answered is None:
        return
    total, without = _sent(claim, observed), [s for s in observed.samples if s.status < 0]
    count = len(observed.samples) - len(without)
    yield Verdict(
        title(claim, "answered"),
        counted(claim.answered, total),
        f"{count:,} of {total:,}",
        claim.answered.hold(count, total),
        str(claim.place("answered")),
        chances.to_fail(claim.answered, total, None),
        _evidence(without),
        (Measured.of(claim.answered, count, total),),
    )


def _status(status: int) -> str:
    return "no answer" if status < 0 else str(status)


def _sent(claim: ClaimSpec, observed: Observed) -> int:
    """How many requests: more than the claim says where something happened meanwhile."""
    return max(claim.connections or claim.send, len(observed.samples))


def _reached(draft: Draft, observed: Observed, at: Target) -> int:
    return sum(observed.reached.get(each.id, 0) for each in at.instances(draft.mesh))


def _shares(claim: ClaimSpec, draft: Draft, observed: Observed) -> Iterator[Verdict]:
    for name, bounds in claim.share.items():
        place = claim.place("share", name)
        at = target(draft.mesh, name, place, receiver(claim, draft.mesh))
        total = _reached(draft, observed, Target(at.service))
        count = _reached(draft, observed, at)
        low, high = bounds.of(total)
        yield Verdict(
            title(claim, f"share of {at}"),
            counted(bounds, total),
            f"{count:,} of {total:,}",
            total > 0 and bounds.hold(count, total),
            str(place),
            chances.to_fail(bounds, total, chances.of_share(claim, draft, at)),
            measured=(Measured(count, low, high),),
        )


def _each(claim: ClaimSpec, draft: Draft, observed: Observed) -> Iterator[Verdict]:
    to = receiver(claim, draft.mesh)
    if claim.each is None or to is None:
        return
    instances = list(draft.mesh.services[to].instances())
    counts = {str(each): observed.reached.get(each.id, 0) for each in instances}
    total = sum(counts.values())
    yield Verdict(
        title(claim, f"requests at each of {to}"),
        counted(claim.each, total),
        ", ".join(f"{count:,} at {name}" for name, count in counts.items()),
        total > 0 and all(claim.each.hold(count, total) for count in counts.values()),
        str(claim.place("each")),
        measured=tuple(Measured.of(claim.each, count, total) for count in counts.values()),
    )


def _upstream(claim: ClaimSpec, draft: Draft, observed: Observed) -> Iterator[Verdict]:
    to = receiver(claim, draft.mesh)
    if claim.upstream_ratio and to:
        ratio = _reached(draft, observed, Target(to)) / _sent(claim, observed)
        bounds = claim.upstream_ratio
        yield Verdict(
            title(claim, f"requests at {to} per request sent"),
            bounds.text if bounds.text.endswith(("x", "×")) else f"{bounds.text}×",
            f"{ratio:.2f}×",
            bounds.hold(ratio),
            str(claim.place("upstream_ratio")),
            measured=(Measured.of(bounds, ratio),),
        )
    for name, bounds in claim.upstream.items():
        place = claim.place("upstream", name)
        at = target(draft.mesh, name, place, to)
        count = _reached(draft, observed, at)
        yield Verdict(
            title(claim, f"requests at {at}"),
            counted(bounds, _sent(claim, observed)),
            f"{count:,}",
            bounds.hold(count, _sent(claim, observed)),
            str(place),
            measured=(Measured.of(bounds, count, _sent(claim, observed)),),
        )


def _versions(claim: ClaimSpec, draft: Draft, observed: Observed) -> Iterator[Verdict]:
    to = receiver(claim, draft.mesh)
    if to is None:
        return
    instances = draft.mesh.services[to].instances()
    reached = [each for each in instances if observed.reached.get(each.id)]
    names = {
        "versions": list(dict.fromkeys(str(replace(each, replica=1)) for each in reached)),
        "replicas": list(map(str, reached)),
    }
    for key, found in names.items():
        bounds: Bounds | None = getattr(claim, key)
        if bounds is None:
            continue
        yield Verdict(
            title(claim, f"{key} of {to} that were reached"),
            bounds.text,
            f"{len(found)}" + (f" ({', '.join(found)})" if found else ""),
            bounds.hold(len(found)),
            str(claim.place(key)),
            measured=(Measured.of(bounds, len(found)),),
        )


def _times(claim: ClaimSpec, observed: Observed) -> Iterator[Verdict]:
    if claim.within is None:
        return
    times = sorted(sample.seconds for sample in observed.samples)
    late = [s for s in observed.samples if not _in_time(claim.within, s.seconds)]
    seen = f"{times[0]:.3f} s" if len(times) == 1 else f"{times[0]:.3f}–{times[-1]:.3f} s"
    expected, place = claim.within.text.replace("..", "–"), str(claim.place("within"))
    measured = tuple(
        Measured.of(claim.within, each) for each in dict.fromkeys(times[:: len(times) - 1 or 1])
    )
    yield Verdict(
        *(title(claim, "time"), expected, seen, not late, place),
        evidence=_evidence(late),
        measured=measured,
    )


def _in_time(within: Bounds, seconds: float) -> bool:
    return within.hold(seconds) or seconds < within.low <= seconds + EARLY


def _headers(claim: ClaimSpec, observed: Observed) -> Iterator[Verdict]:
    for key, wanted in (
        ("response_headers", claim.response_headers),
        ("response_trailers", claim.response_trailers),
    ):
        for name, spec in wanted.items():
            yield _field(claim, observed, (key, name), spec.meaning())


def _field(
    claim: ClaimSpec, observed: Observed, at: tuple[str, str], match: StringMatch
) -> Verdict:
    """The verdict on one field of all answers."""
    key, name = at

    def values(sample: Sample) -> list[str]:
        fields = sample.headers if key == "response_headers" else sample.trailers
        return fields.get_all(name)

    wrong = [s for s in observed.samples if not match.any_holds(values(s))]
    seen = {value for s in observed.samples for value in values(s)}
    return Verdict(
        title(claim, f"{key.replace('_', ' ').removesuffix('s')} {name}"),
        f"{'not ' if match.invert else ''}{match.kind} {match.text}".strip(),
        ", ".join(sorted(seen)) or "absent",
        not wrong,
        str(claim.place(key, name)),
        evidence=_evidence(wrong),
    )


def _body(claim: ClaimSpec, observed: Observed) -> Iterator[Verdict]:
    if claim.body_contains is not None:
        without = [s for s in observed.samples if claim.body_contains not in s.body]
        yield Verdict(
            title(claim, "body"),
            f"contains {claim.body_contains!r}",
            f"{len(observed.samples) - len(without)} of {len(observed.samples)}",
            not without,
            str(claim.place("body_contains")),
            evidence=_evidence(without),
        )


def _evidence(samples: Iterator[Sample] | list[Sample]) -> tuple[str, ...]:
    """A few of the answers that were not as expected, as a person would want to see them."""
    shown = []
    for sample in samples:
        about = sample.error or sample.body[:120].replace("\n", " ")
        request_id = sample.headers.get("x-request-id")
        shown.append(
            f"{_status(sample.status)} after {sample.seconds:.3f} s  {about}"
            + (f"  id {request_id[:8]}" if request_id else "")
        )
        if len(shown) == MAX_EVIDENCE:
            break
    return tuple(shown)
