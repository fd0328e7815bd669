"""What a breakpoint is: a sentence read, and what an Envoy has to send us for it. Pure.

sentence → breakpoint → rows: what an Envoy sends to the gate ─→ whoever publishes them
"""
