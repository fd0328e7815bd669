"""Filter expressions: mitmproxy's language and comparisons, compiled to a predicate.

``~m POST & status >= 500``, ``service == reviews & !(version == v2)``,
``header end-user == jason``. ``&`` may be left out, ``!`` binds closest, then ``&``, then ``|``.
A value with spaces, parentheses, ``&`` or ``|`` stands in quotes of either kind. A word alone is
searched for in the URL, as in mitmproxy.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from difflib import get_close_matches

import pyparsing as pp

from mesh_traffic import Exchange
from tap.language.conditions import Condition, every, some
from tap.language.terms import (
    BARE,
    FIELDS,
    OPERATORS,
    Predicate,
    SignError,
    Term,
    TermError,
    bare,
    compare,
    compare_header,
    find,
)

MAX_LENGTH = 2_000  # characters of an expression
SHOWN = 120  # characters of it in an error


class MatchError(ValueError):
    """An expression that does not parse; the message shows it with a caret under the place."""

    def __init__(self, expression: str, column: int, why: str) -> None:
        start = max(0, column - SHOWN // 2)
        shown = " ".join(expression[start : start + SHOWN].splitlines()).replace("\t", " ")
        super().__init__(f"{why}\n  {shown}\n  {' ' * (column - start)}^")
        self.column = column
        self.why = why


@dataclass(frozen=True, slots=True)
class Match:
    """An expression, compiled. ``match(exchange)`` is whether it holds.

    ``implied`` is a condition that holds for whatever matches, ``None`` if nothing is known;
    ``bodies`` is whether the answer can depend on bodies, ``message`` on bodies or headers.
    """

    expression: str
    holds: Predicate
    implied: Condition | None = None
    bodies: bool = False
    message: bool = False

    def __call__(self, exchange: Exchange) -> bool:
        return self.holds(exchange)


def compile_match(expression: str) -> Predicate:
    """The predicate of ``expression``; an empty one matches everything. Raises MatchError."""
    return read_match(expression).holds


def read_match(expression: str) -> Match:
    """``expression`` with what can be told of it beforehand. Raises MatchError."""
    if not expression.strip():
        return Match(expression, BARE["~all"])
    if len(expression) > MAX_LENGTH:
        raise MatchError(expression, MAX_LENGTH, f"longer than {MAX_LENGTH} characters")
    try:
        found: Term = _GRAMMAR.parse_string(expression, parse_all=True)[0]
    except pp.ParseBaseException as error:
        raise MatchError(expression, error.loc, _why(expression[error.loc :], error)) from error
    except RecursionError as error:
        raise MatchError(expression, 0, "too many levels of parentheses or !") from error
    return Match(expression, found.holds, found.implied, found.bodies, found.message)


class _Wrong(pp.ParseSyntaxException):
    """A term without meaning. Of this base class because pyparsing passes no other one on as is."""


class _Token(str):
    """A word of the expression that knows its place."""

    at = 0

    @classmethod
    def made(cls, text: str, at: int, tokens: pp.ParseResults) -> _Token:
        token = cls(tokens[0])
        token.at = at
        return token


def _why(rest: str, error: pp.ParseBaseException) -> str:
    if isinstance(error, _Wrong):
        return str(error.msg)
    wanted = "a comparison, an operator such as ~m, a word or ("
    if isinstance(error, pp.ParseSyntaxException):
        wanted = {"Expected a value": "a value", "Expected ')'": "a )"}.get(str(error.msg), wanted)
    found = rest.split()
    return f"expected {wanted}, found {repr(found[0]) if found else 'the end'}"


def _find(text: str, at: int, tokens: pp.ParseResults) -> Term:
    try:
        return find(str(tokens[0]), str(tokens[1]))
    except TermError as error:
        raise _Wrong(text, tokens[1].at, str(error)) from error


def _compare(text: str, at: int, tokens: pp.ParseResults) -> Term:
    *names, sign, value = tokens
    try:
        meant = compare_header if len(names) == 2 else compare
        return meant(str(names[-1]), str(sign), str(value))
    except KeyError as error:
        raise _Wrong(text, names[0].at, _unknown_field(names[0])) from error
    except TermError as error:
        place = sign if isinstance(error, SignError) else value
        raise _Wrong(text, place.at, str(error)) from error


def _unknown_field(name: str) -> str:
    near = get_close_matches(name, FIELDS, n=1)
    hint = f"did you mean {near[0]!r}?" if near else f"expected one of {', '.join(FIELDS)}"
    return f"unknown field {name!r}; {hint if name != 'header' else 'write: header NAME == VALUE'}"


def _word(text: str, at: int, tokens: pp.ParseResults) -> Term:
    """A bare word, quoted or not. An unquoted field's name is a comparison cut short."""
    if text[at] not in "\"'" and tokens[0] in (*FIELDS, "header"):
        raise _Wrong(text, at, f"{tokens[0]!r} wants a comparison, such as {tokens[0]} == VALUE")
    try:
        return find("~u", tokens[0])
    except TermError as error:
        raise _Wrong(text, at, str(error)) from error


def _unknown_operator(text: str, at: int, tokens: pp.ParseResults) -> Term:
    known = " ".join(sorted((*OPERATORS, *BARE)))
    raise _Wrong(text, at, f"unknown operator {tokens[0]!r}, expected one of {known}")


def _not(tokens: pp.ParseResults) -> Term:
    inner: Term = tokens[0]
    holds = inner.holds
    return Term(lambda exchange: not holds(exchange), bodies=inner.bodies, message=inner.message)


def _every(tokens: pp.ParseResults) -> Term:
    return _together(tokens, all, every)


def _some(tokens: pp.ParseResults) -> Term:
    return _together(tokens, any, some)


def _together(
    tokens: pp.ParseResults,
    holds: Callable[[Iterable[bool]], bool],
    implied: Callable[[list[Condition | None]], Condition | None],
) -> Term:
    """The terms as one, of which all have to hold, or any."""
    terms: list[Term] = list(tokens)
    if len(terms) == 1:
        return terms[0]
    predicates = [term.holds for term in terms]
    return Term(
        lambda exchange: holds(one(exchange) for one in predicates),
        implied([term.implied for term in terms]),
        any(term.bodies for term in terms),
        any(term.message for term in terms),
    )


def _operator(names: Iterable[str]) -> pp.Regex:
    return pp.Regex(rf"({'|'.join(sorted(names, key=len, reverse=True))})(?![a-z])")


def _grammar() -> pp.ParserElement:
    quoted = pp.Regex(r"""(?P<quote>["'])(?P<inside>.*?)(?P=quote)""")
    quoted.set_parse_action(lambda tokens: tokens["inside"])
    plain = pp.Regex(r"""[^\s()&|'"]+""")
    value = quoted.copy().add_parse_action(_Token.made) | plain.set_parse_action(_Token.made)
    value.set_name("a value")
    name = pp.Regex(r"[A-Za-z_][\w-]*").set_parse_action(_Token.made)
    sign = pp.Regex(r"==|!=|>=|<=|>|<|!?~(?![a-z])").set_parse_action(_Token.made)
    word = quoted | pp.Regex(r"""[^\s()&|'"!<>=~][^\s()&|'"]*""")

    of_header = pp.Keyword("header") + name + sign
    compared = ((of_header | name + sign) - value).set_parse_action(_compare)
    alone = _operator(BARE).set_parse_action(lambda tokens: bare(tokens[0]))
    found = (_operator(OPERATORS) - value).set_parse_action(_find)
    unknown = pp.Regex(r"~\w*").set_parse_action(_unknown_operator)

    expression, term = pp.Forward(), pp.Forward()
    negated = (pp.Suppress("!") - term).set_parse_action(_not)
    inside = pp.Suppress("(") - expression - pp.Suppress(")")
    simple = compared | alone | found | unknown | word.copy().add_parse_action(_word)
    term <<= negated | inside | simple
    both = term + pp.ZeroOrMore(pp.Suppress("&") - term | term)
    either = both.set_parse_action(_every) + pp.ZeroOrMore(pp.Suppress("|") - both)
    expression <<= either.set_parse_action(_some)
    return expression


_GRAMMAR = _grammar()
