"""What a module is, without running it: its interface, what it was made of, and what is wrong.

``sections`` (the binary format, every length checked) → ``interface`` (imports, exports, memory) →
``checks`` (every problem, and who refuses it), ``origin`` (language and SDK), ``strangers`` (what
other hosts have), ``surprises`` (what works otherwise than expected) → ``inspect`` (the report).
"""
