"""Holding live requests: which ones, what is seen and changed of them, and how every hold ends.

    Envoy's ext_proc ⇄ door (HTTP/2) ⇄ gate ─ session of each request
                                        ├→ hold: what is told of it
                                        └← release: edit ─ checked ─→ answers ─→ the Envoy

The gate is sans-IO: what comes in and the time are arguments, and what is to be sent comes back.
"""
