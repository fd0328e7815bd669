"""Two responses side by side: what differs in what they mean, and what need not be the same.

Values in, values out. ``compare(before, after, rules)`` looks at status, headers, trailers and
bodies: JSON and gRPC by paths, text by lines, other bytes by size and hash. ``rules`` say what is
ignored, and what was is told as well.
"""

from tap.compare.nouns import Comparison, Difference
from tap.compare.response import compare
from tap.compare.rules import RuleError, Rules

__all__ = ["Comparison", "Difference", "RuleError", "Rules", "compare"]
