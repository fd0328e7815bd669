"""Where people come with breakpoints: the desk of a running mesh, and its socket from both sides.

desk (door) ─ gate, and who tells Envoys what to send to it
server (door) ⇄ wire: JSON lines ⇄ client (door) ⇄ prompt, page, commands
"""
