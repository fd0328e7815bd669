"""A breakpoint as a sentence: ``on reviews when header end-user == jason and phase == response``.

    [on] PLACE [when CONDITION]          PLACE: reviews, reviews/v2, productpage -> reviews, ingress
    when CONDITION                       at every Envoy

The condition is a filter expression of ``meshloom tap``, in which ``and``, ``or`` and ``not`` may
be written out. ``phase == WORD`` says where a request is held; it stands by itself, joined to the
rest by ``and``. Without it, that is the first phase in which the condition can be told.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import dataclass

from debugger.breakpoints.breakpoint import INGRESS, Phase, Place
from mesh_yaml.suggest import suggest
from tap.language.match import Match, MatchError, read_match

MAX_LENGTH = 2_000  # characters

PHASES = {
    "request": Phase.REQUEST,
    "request-headers": Phase.REQUEST,
    "request-body": Phase.REQUEST_BODY,
    "response": Phase.RESPONSE,
    "response-headers": Phase.RESPONSE,
    "response-body": Phase.RESPONSE_BODY,
}

# in which phase it can first be told; None: in none of them
_KNOWN_IN = {
    **dict.fromkeys(("~b", "~bq"), Phase.REQUEST_BODY),
    **dict.fromkeys(("status", "~c", "~s", "~hs", "~ts"), Phase.RESPONSE),
    "~bs": Phase.RESPONSE_BODY,
    **dict.fromkeys(("duration", "latency", "flags"), None),
}
_WHEN = re.compile(r"(?:^|\s)when(?:\s|$)")
_PLACE = re.compile(
    r"\s*(?:on\s+)?(?:(?P<caller>[\w.-]+?)\s*(?:->|→)\s*)?"
    r"(?P<callee>\*|[\w.-]+)(?:[/\s]\s*(?P<version>[\w.-]+))?\s*"
)
_WORD = re.compile(r"""(?P<quoted>"[^"]*"|'[^']*')|(?<![^\s(&|!])(?P<word>and|or|not)(?![^\s(])""")
_SIGNS = {"and": " & ", "or": "| ", "not": "!  "}  # as long, so that carets keep their places
_PHASE = re.compile(
    r"""(?P<quoted>"[^"]*"|'[^']*')|(?<![\w-])phase\s*(?P<sign>[=!<>~]*)\s*(?P<name>[^\s()&|]*)"""
)
_TERM = re.compile(
    r"""(?P<quoted>"[^"]*"|'[^']*')|(?P<sign>~(?:bq|bs|b|c|hs|s|ts))(?![a-z])"""
    r"""|(?<![\w-])(?P<field>status|duration|latency|flags)(?=\s*[=!<>~])"""
)


class SentenceError(ValueError):
    """A sentence that is no breakpoint; the message shows it with a caret where it helps."""


@dataclass(frozen=True, slots=True)
class Sentence:
    """What a sentence says."""

    place: Place
    match: Match
    phase: Phase


def read_sentence(text: str, services: Collection[str] = ()) -> Sentence:
    """What ``text`` says; ``services`` are those that there are, as far as known.

    Raises SentenceError.
    """
    if len(text) > MAX_LENGTH:
        raise SentenceError(f"{len(text)} characters, wanted at most {MAX_LENGTH}")
    found = _WHEN.search(text)
    head, at = (text, len(text)) if found is None else (text[: found.start()], found.end())
    place = _place(head, services)
    condition = " " * at + _signed(text[at:])
    try:
        condition, phase = _phase(condition)
        known_in = _known_in(condition)
        if phase is not None and phase < known_in[0]:
            later = f"{known_in[1]!r} is not known in the phase {phase.words!r}"
            raise SentenceError(f"{later}, but in {known_in[0].words!r}")
        phase = known_in[0] if phase is None else phase
        return Sentence(place, read_match(condition.rstrip()), phase)
    except MatchError as error:
        as_written = MatchError(text, error.column, error.why)
        raise SentenceError(str(as_written)) from error


def _place(text: str, services: Collection[str]) -> Place:
    if text.strip() in ("", "on"):
        return Place()
    found = _PLACE.fullmatch(text)
    if found is None:
        raise SentenceError(
            f"expected [on] SERVICE, SERVICE/VERSION or CALLER -> SERVICE, and then 'when'; "
            f"got {text.strip()!r}"
        )
    caller, callee, version = (found[name] or "" for name in ("caller", "callee", "version"))
    if callee == "*":
        if caller or version:
            raise SentenceError(f"'*' stands by itself, got {text.strip()!r}")
        return Place()
    for name in filter(None, (caller, callee)):
        if services and name not in services and name != INGRESS:
            raise SentenceError(f"unknown service {name!r}{suggest(name, sorted(services))}")
    return Place(callee, version, caller)


def _signed(text: str) -> str:
    """The condition with signs instead of words."""
    return _WORD.sub(lambda found: found["quoted"] or _SIGNS[found["word"]], text)


def _known_in(text: str) -> tuple[Phase, str]:
    """The first phase in which all of the condition can be told, and the word that says so."""
    found = (Phase.REQUEST, "")
    for each in _TERM.finditer(text):
        word = each["sign"] or each["field"] or ""
        if each["quoted"] or text[: each.start()].rstrip().endswith("header"):
            continue
        phase = _KNOWN_IN[word]
        if phase is None:
            why = f"{word!r} is known when a request is over: see meshloom tap"
            raise MatchError(text, each.start(), why)
        found = max(found, (phase, word), key=lambda one: one[0])
    return found


def _phase(text: str) -> tuple[str, Phase | None]:
    """The condition with a blank where it names the phase, and the phase."""
    said = [found for found in _PHASE.finditer(text) if not found["quoted"]]
    if not said:
        return text, None
    first = said[0]
    if len(said) > 1:
        raise MatchError(text, said[1].start(), "the phase is named twice")
    if first["sign"] != "==" or first["name"] not in PHASES:
        raise MatchError(text, first.start(), f"expected phase == one of {', '.join(PHASES)}")
    before, after = text[: first.start()], text[first.end() :]
    if _is_inside(before) or "|" in _outside(text):
        why = "the phase stands by itself, joined to the rest by 'and'"
        raise MatchError(text, first.start(), why)
    before, after = _without_and(before, after)
    gap = " " * (len(text) - len(before) - len(after))
    return before + gap + after, PHASES[first["name"]]


def _without_and(before: str, after: str) -> tuple[str, str]:
    """Without the one of the two signs around it that joined it to the rest."""
    if before.rstrip().endswith("!"):
        raise MatchError(before, len(before), "the phase can't be negated")
    if before.rstrip().endswith("&"):
        return before.rstrip()[:-1], after
    if after.lstrip().startswith("&"):
        return before, after.replace("&", " ", 1)
    return before, after


def _is_inside(before: str) -> bool:
    """Whether a parenthesis is open at its end."""
    plain = _outside(before)
    return plain.count("(") > plain.count(")")


def _outside(text: str) -> str:
    """Without what is in quotes, or in parentheses that are closed again."""
    plain = re.sub(r""""[^"]*"|'[^']*'""", "", text)
    while (shorter := re.sub(r"\([^()]*\)", "", plain)) != plain:
        plain = shorter
    return plain
