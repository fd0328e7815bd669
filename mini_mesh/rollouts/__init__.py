"""Canaries that grow by themselves: step by step, and back to nothing when they do badly.

``rollout`` decides, ``seen`` is what it decides by, ``steering`` looks at the Envoys and serves the
weights.
"""
