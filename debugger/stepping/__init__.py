"""Stepping through a recorded run of filters, there and back: the filter debugger.

A recording is run again with a listener that never interferes. It notes where the run could be
stopped, what was different from the stop before, and where in the guest's code the call came from::

    run/    recording ─ Again ─ watcher → stops (each with what it changed) → history
                          └─ memory: the run once more, up to a stop, for what was not noted
    guest/  bytes of the module → DWARF → source lines, inlined callers
    history → cursor: forward, back, until a condition holds ─ session: commands → told: lines

``guest/places.py`` starts a process that reads DWARF; nothing else here does I/O. Who wants to step
has a recording and its modules: ``meshloom debug wasm``.
"""
