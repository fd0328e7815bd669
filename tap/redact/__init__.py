"""Secrets out, before anything leaves the hub: what is one becomes ``[redacted 3f9a1c]``.

    exchange ─ redactor: a quick look ─┬─ nothing there: as it is
                                       └─ long_way ─┬ fields, path ─ scan ──────────┬ repeats ─ out
                                                    └ bodies ─ opened ─ kinds ─ scan ┘

``rules`` says what is one: names of fields and keys, paths into JSON, patterns; ``defaults`` is
what holds unless somebody says otherwise. The mark is a keyed hash of the value, so that equal
values stay recognisable in one run and say nothing in another. Bodies are hostile: whatever they
hold, they are read in time that grows with their length, and what could not be looked through is
not shown.
"""

from tap.redact.pattern import Pattern
from tap.redact.redactor import Redactor
from tap.redact.rules import RuleBook, Rules, RulesError

__all__ = ["Pattern", "Redactor", "RuleBook", "Rules", "RulesError"]
