"""The tap's filters in claims: that they can be read. No I/O."""

from __future__ import annotations

from collections.abc import Iterator

from mesh_patterns.draft import Draft
from mesh_patterns.expect import ClaimSpec
from mesh_yaml.place import DocumentError, Place, Problem


def check(draft: Draft) -> None:
    """That the filters of all claims can be read.

    Raises:
        DocumentError: with every one that can't.
    """
    about = (claim for claim in draft.mesh.claims if claim.is_witnessed)
    problems = [each for claim in about for each in _problems(claim)]
    if problems:
        raise DocumentError(problems)


def _problems(claim: ClaimSpec) -> Iterator[Problem]:
    from tap.language.match import MatchError, read_match  # a parser that few files need

    for text, place in _filters(claim):
        try:
            read_match(text)
        except MatchError as error:
            yield Problem(place, f"{text!r}: {error.why}")


def _filters(claim: ClaimSpec) -> Iterator[tuple[str, Place]]:
    for key in ("access_log", "captures"):
        for text in getattr(claim, key):
            yield text, claim.key_place(key, text)
    for i, text in enumerate(claim.in_order):
        yield text, claim.place("in_order", i)
