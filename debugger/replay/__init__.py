"""Captured exchanges again: through the live mesh, to a version or a URL, or through a filter.

```
chosen ─ exchange ─ edit ─→ request ─ objections ─ (asked) ─→ sending (door) or through a filter
                                                                   └→ answers → tap.compare → spread
```

``claim`` and ``suite`` write what came of it as a test.
"""
