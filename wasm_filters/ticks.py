"""Ticks: the timer of each root context. Source: envoy, source/extensions/common/wasm/wasm.cc."""

from __future__ import annotations

from collections.abc import Callable

from wasm_filters.loop import Loop, Timer


class Ticks:
    """Timers by root context; one is armed again when its callback has returned."""

    def __init__(self, loop: Loop) -> None:
        self._loop = loop
        self._timers: dict[object, Timer] = {}

    def set(self, root: object, milliseconds: int, tick: Callable[[], object]) -> None:
        """Call ``tick`` every so many milliseconds; 0 stops it."""
        running = self._timers.pop(root, None)
        if running is not None:
            running.cancel()
        if milliseconds:
            self._arm(root, milliseconds, tick)

    def _arm(self, root: object, milliseconds: int, tick: Callable[[], object]) -> None:
        def ring() -> None:
            tick()
            if self._timers.get(root) is timer:  # the callback may have set it anew
                self._arm(root, milliseconds, tick)

        timer = self._timers[root] = self._loop.after(milliseconds / 1000, ring)

    def stop(self, root: object) -> None:
        self.set(root, 0, lambda: None)
