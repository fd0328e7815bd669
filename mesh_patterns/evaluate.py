"""Whether a match holds for a request, as Envoy 1.40 sees it. No I/O."""

from __future__ import annotations

import re
from collections.abc import Iterable
from urllib.parse import parse_qsl, urlsplit

from mesh_patterns.draft import Match, StringMatch
from mesh_traffic import Request


def holds(match: Match, request: Request) -> bool:
    """Whether all that ``match`` asks for is so."""
    pseudo = [
        (match.method, request.method),
        (match.authority, request.authority),
        (match.scheme, request.scheme),
    ]
    query = parse_qsl(urlsplit(request.path).query, keep_blank_values=True)
    return (
        path_holds(match.path, request.path, match.ignore_case)
        and all(wanted is None or any_holds(wanted, [value]) for wanted, value in pseudo)
        and all(any_holds(m, request.headers.get_all(name)) for name, m in match.headers)
        and all(any_holds(m, [v for n, v in query if n == name]) for name, m in match.query)
    )


def path_holds(match: StringMatch | None, path: str, ignore_case: bool = False) -> bool:
    """Of the path without its query; a regex keeps its own case."""
    if match is None:
        return True
    path, text = path.partition("?")[0], match.text
    if ignore_case and match.kind != "regex":
        path, text = path.lower(), text.lower()
    if match.kind == "separated_prefix":
        return path == text or path.startswith(f"{text}/")
    return text_holds(StringMatch(match.kind, text), path)


def any_holds(match: StringMatch, values: Iterable[str]) -> bool:
    """Of fields of one name, one that matches is enough (since Envoy 1.39).

    An inverted match holds where there is none, too.
    """
    return any(text_holds(match, value) for value in values) != match.invert


def text_holds(match: StringMatch, value: str) -> bool:
    """One text against one match, ``invert`` left aside."""
    match match.kind:
        case "exact":
            return value == match.text
        case "prefix":
            return value.startswith(match.text)
        case "suffix":
            return value.endswith(match.text)
        case "contains":
            return match.text in value
        case "regex":
            return re.fullmatch(match.text, value) is not None
    return True  # present
