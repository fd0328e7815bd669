"""The page: the mesh's picture, and each claim with its verdicts and plots."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from mesh_patterns.draft import Draft
from meshloom.proof_page import plots
from meshloom.proof_page.picture import picture
from meshloom.proof_page.style import STYLE
from meshloom.proof_page.text import safe
from mini_mesh.proving.luck import in_words
from mini_mesh.proving.prover import Proof
from mini_mesh.proving.verdict import Verdict

ENOUGH = 10  # requests of a claim about times, from which on they are drawn
MAX_EVIDENCE = 600  # characters of one line

_POLICY = "default-src 'none'; style-src 'unsafe-inline'"


def page(draft: Draft, proofs: Sequence[Proof], envoy: str, seconds: float) -> str:
    """All of it, as HTML."""
    held = sum(proof.holds for proof in proofs)
    name = safe(draft.mesh.name)
    files = ", ".join(safe(file.name) for file in draft.mesh.files)
    head = (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}">'
        '<meta name="viewport" content="width=device-width">'
        f"<title>{name}: {held} of {len(proofs)} claims hold</title><style>{STYLE}</style></head>"
    )
    top = (
        f"<header><h1>{name}: {held} of {len(proofs)} claims hold</h1>"
        f"<p>{safe(envoy)} · {seconds:.1f} s · {files}</p></header>"
    )
    articles = "".join(_article(proof) for proof in proofs)
    return f"{head}<body>{top}<section>{picture(draft)}</section>{articles}</body></html>\n"


def _article(proof: Proof) -> str:
    kind = "holds" if proof.holds else "fails"
    sent = f"{proof.record.sent:,} sent, " if proof.record.sent else ""
    rows = "".join(_row(proof, verdict) for verdict in proof.verdicts)
    return (
        f'<article class="{kind}"><h2>{_mark(proof.holds)} {safe(proof.title)}</h2>'
        f'<p class="place">{safe(proof.claim.place())} · {sent}{proof.seconds:.1f} s</p>'
        "<table><tr><th></th><th>claim</th><th>expected</th><th>seen</th><th></th></tr>"
        f"{rows}</table>{''.join(_drawn(proof))}</article>"
    )


def _mark(good: bool) -> str:
    return f'<span class="mark {"good" if good else "bad"}">{"✓" if good else "✗"}</span>'


def _row(proof: Proof, verdict: Verdict) -> str:
    what = verdict.claim.removeprefix(f"{proof.title}: ")
    luck = "" if verdict.luck is None else f"<br><small>{in_words(verdict.luck)}</small>"
    bars = "<br>".join(map(plots.bar, verdict.measured))
    row = (
        f"<tr><td>{_mark(verdict.holds)}</td><td>{safe(what)}</td><td>{safe(verdict.expected)}</td>"
        f"<td>{safe(verdict.seen)}{luck}</td><td>{bars}</td></tr>"
    )
    if verdict.holds:
        return row
    lines = "\n".join(safe(each, MAX_EVIDENCE) for each in (verdict.place, *verdict.evidence))
    return f'{row}<tr><td></td><td colspan="4"><pre>{lines}</pre></td></tr>'


def _drawn(proof: Proof) -> Iterator[str]:
    claim, record = proof.claim, proof.record
    about_time = bool(claim.within or claim.latency) and len(record.points) >= ENOUGH
    if about_time:
        bounds = [*([claim.within] if claim.within else []), *claim.latency.values()]
        yield plots.distribution(record, [each.of(1) for each in bounds])
    if about_time or record.happened:
        yield plots.timeline(record)
