"""When requests are to be sent: fixed before the first of them, whatever becomes of it."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import count
from random import Random

from mini_mesh.load.load import Load


def times(load: Load) -> Iterator[float]:
    """Seconds since the start at which this process is to send, in order, up to the end.

    Constant arrivals of several processes interleave. Poisson ones are independent: the sum of
    Poisson processes is one, too.
    """
    end = load.warm_up + load.seconds
    made = _poisson(load) if load.arrivals == "poisson" else _constant(load)
    for each in made:
        if each >= end:
            return
        yield each


def _constant(load: Load) -> Iterator[float]:
    for number in count(load.share, load.shares):
        yield number / load.rate


def _poisson(load: Load) -> Iterator[float]:
    random, now = Random(f"{load.seed}/{load.share}"), 0.0
    rate = load.rate / load.shares
    while True:
        now += random.expovariate(rate)
        yield now
