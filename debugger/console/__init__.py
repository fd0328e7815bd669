"""What is said at a debugger's prompt, and what comes of it. No I/O: a line in, lines out.

line → words → COMMANDS → Said: lines to show, what to let go, whether that was all
"""
