"""What of a rule SMI can say: which requests, by expressions, and where they go."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace

from mesh_patterns.draft import Match, Rule
from mesh_patterns.exporters import rules, versions
from mesh_patterns.exporters.losses import Losses
from mesh_patterns.exporters.services import Known
from mesh_yaml.matching import StringMatch

PLAIN = re.compile(r"[^\\^$.|?*+()\[\]{}]*")  # a text that is no expression
WORDS = rules.Words(
    path=frozenset({"exact", "prefix", "regex"}), method=frozenset({"exact"}),
    headers=frozenset({"exact", "regex"}), query=frozenset(),
)  # fmt: skip


def fit_rule(rule: Rule, names: dict[str, Known], losses: Losses) -> Iterator[Rule]:
    """The rule with what is left of it; none, told, where its match or its end can't be said."""
    if not rule.split:
        losses.lost("a rule that answers by itself", rule.place)
        return
    for share in rule.split:
        if share.headers is not None:
            losses.lost("edits of headers for one share", share.place)
    plain = tuple(replace(share, headers=None) for share in rule.split)
    split = versions.whole(plain, names)
    for made in rules.fit(replace(rule, split=split), WORDS, losses):
        yield replace(made, match=_match(made.match))


def _match(match: Match) -> Match:
    """As an import reads it: what is no plain text is an expression."""
    headers = tuple((name, _field(found)) for name, found in match.headers)
    return replace(match, path=_path(match.path), headers=headers)


def _field(match: StringMatch) -> StringMatch:
    text = match.text
    if match.kind == "exact":
        return match if PLAIN.fullmatch(text) else StringMatch("regex", re.escape(text))
    bare = text.removeprefix("^").removesuffix("$")
    return StringMatch("exact", bare) if PLAIN.fullmatch(bare) else match


def _path(match: StringMatch | None) -> StringMatch | None:
    if match is None or (match.kind in ("exact", "prefix") and PLAIN.fullmatch(match.text)):
        return match
    if match.kind == "prefix":
        return StringMatch("regex", f"(?:{re.escape(match.text)}).*")
    text = re.escape(match.text) if match.kind == "exact" else match.text
    return StringMatch("regex", f"(?:{text})")


def path_regex(match: StringMatch) -> str:
    """The expression of a path, from its beginning, that reads as the fitted match."""
    if match.kind == "regex" and match.text.endswith(").*"):
        return match.text[:-2]
    return match.text if match.kind == "prefix" else f"{match.text}$"
