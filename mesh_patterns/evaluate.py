"""Whether a match holds for a request, as Envoy 1.40 sees it. No I/O."""

from __future__ import annotations

from urllib.parse import parse_qsl, urlsplit

from mesh_patterns.draft import Match
from mesh_traffic import Request
from mesh_yaml.matching import StringMatch


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
        and all(wanted is None or wanted.any_holds([value]) for wanted, value in pseudo)
        and all(m.any_holds(request.headers.get_all(name)) for name, m in match.headers)
        and all(m.any_holds([v for n, v in query if n == name]) for name, m in match.query)
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
    return StringMatch(match.kind, text).holds(path)
