"""Captured exchanges again: through the live mesh, to a version or a URL, or through a filter.

```
request/: id → chosen → edit → objections (asked for, or refused) ─┬→ target → sending (door)
                                                                   └→ through: a filter, wasmtime
answers → tap.compare → replays ─┬→ seen: what the mesh captured of them → spread
                                 └→ as_test/: claim · suite
```
"""
