"""A mesh as a file in our own language: what an import leaves behind for people to go on with.

The text says the same as the files that it was made of, also where it lies: paths that are looked
up from a file's folder are written from the folder of the new one. Each service and pattern has
the line that it comes from, and what was approximated or left out stands at the top.
"""

from __future__ import annotations

import os
from collections.abc import Collection, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from mesh_patterns.load import Sources
from mesh_patterns.variables import escape
from mesh_yaml.node import Node
from mesh_yaml.place import Place
from mesh_yaml.yaml import dump

# By pattern, the key of what is looked up from the file's folder.
_PATHS: Mapping[str, str] = {
    "wasm": "file", "lua": "file", "access_log": "file", "transcoding": "descriptors"
}  # fmt: skip
_OURS = "meshloom:"  # a filter of ours, which lies in no folder


def written(sources: Sources, folder: Path) -> str:
    """The text of a file for ``folder``: a document for each of our own, one for the rest."""
    writer = _Writer(folder.resolve())
    documents = [writer.document(tree, named=True) for tree in sources.own]
    documents += [writer.document(tree) for tree in sources.imported]
    head = "".join(f"{line}\n" for line in _head(sources))
    first = "" if any(tree.get("name") for tree in sources.own) else f"name: {_name(sources)}\n"
    return head + first + "---\n".join(filter(None, documents))


def _name(sources: Sources) -> str:
    return dump({"name": escape(sources.name)}).removeprefix("name: ").rstrip("\n")


def _head(sources: Sources) -> Iterator[str]:
    yield "# Imported from:"
    yield from (f"#   {_shown(file)}" for file in sources.files)
    if sources.warnings:
        yield "# What is not quite the same, or left out:"
    for problem in sources.warnings:
        text = " ".join(problem.message.split())
        yield f"#   {problem.place}: {text}"


def _shown(file: Path) -> str:
    """A name for people: from the working directory where that is near."""
    near = os.path.relpath(file)
    return str(file) if near.startswith("..") else near


class _Writer:
    """Writes trees for one folder."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def document(self, tree: Node, *, named: bool = False) -> str:
        """One document, with its own name if it is ``named``."""
        parts = []
        for key, node in tree.items():
            if key == "mesh":
                parts.append(self._mesh(node))
            elif key == "patterns":
                parts.append(self._list(key, node))
            elif key != "name" or named:
                parts.append(_dumped({key: _plain(node)}))
        return "".join(parts)

    def _mesh(self, mesh: Node) -> str:
        rest = {key: _plain(node) for key, node in mesh.items() if key != "services"}
        services = mesh.get("services")
        found = list(services.items()) if services is not None else []
        if not (rest or found):
            return ""
        text = "mesh:\n" + (_indented(_dumped(rest), 2) if rest else "")
        if found:
            text += "  services:\n"
        for name, service in found:
            place = service.key or service.place
            body = {name: self._service(service)}
            text += f"    # {place}\n" + _indented(_dumped(body), 4)
        return text

    def _service(self, service: Node) -> Any:
        plain = _plain(service)
        if not isinstance(plain, dict):
            return plain
        self._located(plain, service.place)
        for name, version in plain.get("versions", {}).items():
            if isinstance(version, dict):
                self._located(version, service.find("versions", name).place, plain)
        return plain

    def _located(self, made: dict[str, Any], place: Place, service: Collection[str] = ()) -> None:
        """A command runs in the folder of its file, or from there."""
        folder = Path(place.file).parent
        if "cwd" in made:
            made["cwd"] = self._from_here(folder / str(made["cwd"]))
        elif "run" in made and "cwd" not in service and folder.resolve() != self._folder:
            made["cwd"] = self._from_here(folder)

    def _list(self, key: str, node: Node) -> str:
        elements = node.elements()
        if not elements:
            return ""
        each = (f"# {item.place}\n{_dumped([self._pattern(item)])}" for item in elements)
        return f"{key}:\n" + "".join(each)

    def _pattern(self, node: Node) -> Any:
        plain = _plain(node)
        if not isinstance(plain, dict):
            return plain
        key = _PATHS.get(str(plain.get("pattern")), "")
        path = plain.get(key)
        if isinstance(path, str) and not path.startswith(_OURS):
            plain[key] = self._from_here(Path(node.find(key).place.file).parent / path)
        return plain

    def _from_here(self, path: Path) -> str:
        return escape(os.path.relpath(path.resolve(), self._folder))


def _plain(node: Node) -> Any:
    """Plain values that mean the same in a file that knows variables."""
    if isinstance(node.value, dict):
        return {name: _plain(item) for name, item in node.value.items()}
    if isinstance(node.value, tuple):
        return [_plain(item) for item in node.value]
    return escape(node.value) if isinstance(node.value, str) else node.value


def _dumped(value: Any) -> str:
    return dump(value, blocks=True)


def _indented(text: str, by: int) -> str:
    return "".join(f"{' ' * by}{line}" if line.strip() else line for line in _lines(text))


def _lines(text: str) -> Iterable[str]:
    """Only line feeds end lines here: YAML's own dumper escapes all others."""
    return (f"{line}\n" for line in text.removesuffix("\n").split("\n"))
