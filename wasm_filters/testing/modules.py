"""The modules of a run of tests, each loaded once."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from mesh_yaml.place import DocumentError, Place
from wasm_filters.engine.cache import CompiledCache
from wasm_filters.errors import ModuleError
from wasm_filters.module import Module


@dataclass(slots=True)
class Modules:
    """Modules by the path of their file. Their machine code is kept in the user's cache."""

    cache: CompiledCache = field(default_factory=CompiledCache.default)
    _loaded: dict[Path, Module] = field(default_factory=dict)

    def of(self, path: Path) -> Module:
        """The module in a file; ModuleError if it can't be read or Envoy would not load it."""
        found = self._loaded.get(path)
        if found is None:
            found = self._loaded[path] = Module.load(path, self.cache)
        return found

    def load(self, path: Path, place: Place) -> Module:
        """The module in a file that is named at ``place``.

        Raises:
            DocumentError: it can't be read, or Envoy would not load it; said there.
        """
        try:
            return self.of(path)
        except ModuleError as error:
            raise DocumentError.at(place, str(error)) from error
