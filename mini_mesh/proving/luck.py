"""How likely is it that a true claim fails by chance? Binomial arithmetic."""

from __future__ import annotations

import math


def outside(trials: int, chance: float, low: float, high: float) -> float:
    """The probability that of ``trials``, each true by ``chance``, fewer than ``low`` or more
    than ``high`` are true.

    Exact: the sum over a binomial distribution, in logarithms so that nothing underflows.
    """
    if not 0.0 < chance < 1.0:
        return 0.0 if low <= trials * chance <= high else 1.0
    first, last = math.ceil(max(0, low)), math.floor(min(trials, high))
    inside = math.fsum(_probability(trials, chance, k) for k in range(first, last + 1))
    return max(0.0, 1.0 - inside)


def in_words(chance: float) -> str:
    """As people read it."""
    shown = "p < 0.01 %" if chance < 1e-4 else f"p = {chance * 100:.2g} %"
    return f"{shown} to fail by luck"


def _probability(trials: int, chance: float, k: int) -> float:
    ways = math.lgamma(trials + 1) - math.lgamma(k + 1) - math.lgamma(trials - k + 1)
    return math.exp(ways + k * math.log(chance) + (trials - k) * math.log1p(-chance))
