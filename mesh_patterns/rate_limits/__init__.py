"""Limits of rates that many share: what a rate limit service is configured with, and decides.

The format is that of https://github.com/envoyproxy/ratelimit, which has become the usual one:
``spec`` reads it, ``rules`` is what it means, ``decision`` what becomes of a request. ``rate`` is
how patterns write a limit: ``10/min``.
"""
