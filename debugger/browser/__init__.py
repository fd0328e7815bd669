"""What is held, as flows of mitmproxy's web interface (``tap.flows.web``), and what comes back.

events of a desk → rows (which hold is which flow) → holder (door) → the page
the page → holder (door) → difference (what the person changed) → a release at the desk
"""
