from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.wasm_filters.guests import guest
from wasm_filters.engine import compiled
from wasm_filters.engine.cache import MAX_ENTRIES, CompiledCache, default_folder
from wasm_filters.engine.compiled import compile_module


def test_what_was_put_is_got(tmp_path: Path) -> None:
    cache = CompiledCache(tmp_path / "new" / "wasm")
    assert cache.get("key") is None
    cache.put("key", b"code")
    assert cache.get("key") == b"code"
    assert [path.name for path in (tmp_path / "new" / "wasm").iterdir()] == ["key"]


@pytest.mark.parametrize("damage", [lambda b: b[:-1], lambda b: b"", lambda b: b[:-1] + b"X"])
def test_a_damaged_entry_is_no_entry(tmp_path: Path, damage: Callable[[bytes], bytes]) -> None:
    cache = CompiledCache(tmp_path)
    cache.put("key", b"code")
    file = tmp_path / "key"
    file.write_bytes(damage(file.read_bytes()))
    assert cache.get("key") is None
    cache.put("key", b"code")
    assert cache.get("key") == b"code"


def test_a_folder_that_others_can_write_to_is_not_used(tmp_path: Path) -> None:
    """Its entries are machine code."""
    cache = CompiledCache(tmp_path)
    cache.put("key", b"code")
    tmp_path.chmod(0o777)
    assert cache.get("key") is None


def test_a_cache_that_can_not_be_written_is_no_failure(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    cache = CompiledCache(tmp_path / "file" / "wasm")
    cache.put("key", b"code")
    assert cache.get("key") is None


def test_the_cache_has_an_end(tmp_path: Path) -> None:
    cache = CompiledCache(tmp_path)
    for number in range(MAX_ENTRIES + 3):
        cache.put(f"key-{number}", b"code")
    assert len(list(tmp_path.iterdir())) == MAX_ENTRIES


def test_a_module_is_compiled_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    cache = CompiledCache(tmp_path)
    first = compile_module(guest(), cache)
    (entry,) = tmp_path.iterdir()
    wasm = compiled.wasmtime
    monkeypatch.setattr(wasm, "Module", _OnlyDeserialize(wasm.Module))
    assert compile_module(guest(), cache).functions == first.functions
    assert "-wasmtime" in entry.name


class _OnlyDeserialize:
    """Stands for wasmtime.Module, and can't compile."""

    def __init__(self, module: type) -> None:
        self.deserialize = module.deserialize  # type: ignore[attr-defined] # it is wasmtime.Module


def test_an_entry_that_wasmtime_does_not_take_is_compiled_again(tmp_path: Path) -> None:
    cache = CompiledCache(tmp_path)
    compile_module(guest(), cache)
    (entry,) = tmp_path.iterdir()
    whole = cache.get(entry.name)
    cache.put(entry.name, b"\x7fELF of another machine")
    assert "malloc" in compile_module(guest(), cache).functions
    assert cache.get(entry.name) == whole


def test_the_folder_can_be_chosen(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert default_folder() == tmp_path / "meshloom" / "wasm"
    monkeypatch.setenv("MESHLOOM_CACHE_DIR", "/elsewhere")
    assert default_folder() == Path("/elsewhere/wasm")
