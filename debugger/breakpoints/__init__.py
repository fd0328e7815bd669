"""Breakpoints on live requests: hold one at an Envoy, look at it, change it, let it go.

    sentence → breakpoint ─┬─ rows: what an Envoy sends us ─→ ECDS (who publishes it is a door)
                           └─ gate ⇄ session of each request ⇄ gRPC (door) ⇄ Envoy's ext_proc
                                │
                              holds → events → clients' socket (door) → commands → releases

The gate is sans-IO: what comes in and the time are arguments, and what is to be sent comes back.
"""
