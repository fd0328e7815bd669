"""The rate limit service: Envoy's ``RateLimitService``, in a process of its own.

``limiter`` answers bytes with bytes, ``counters`` count, ``server`` is the door, ``service`` what
the mesh knows of the process. An Envoy waits milliseconds for an answer: whoever compiles, or reads
captures, must not be the one who answers.
"""
