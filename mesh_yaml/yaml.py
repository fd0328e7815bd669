"""The door to ruamel.yaml: YAML text in, trees of :class:`Node` out, every value with its place.

Plain text is read by ``libyaml.py``; what is not that plain, and what is wrong, is read here.
Ruamel is imported when it is needed: most files are plain, and it takes 15 ms.

YAML comes from strangers. Only the safe tags are known, a mapping can't hold a key twice, and the
number of nodes is bounded, aliases counted each time that they are used (a file of nine lines can
stand for a billion values).
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterable
from io import StringIO
from pathlib import Path
from typing import Any

from mesh_yaml import libyaml
from mesh_yaml.node import Node, Scalar
from mesh_yaml.place import DocumentError, Place

MAX_BYTES = 16 * 1024 * 1024
MAX_SLOW = 2 * 1024 * 1024  # characters of YAML that is not plain: ruamel takes 10 s for them
MAX_NODES = 500_000
MAX_DEPTH = 100

_LINES = re.compile(r"[!-~](?:[ -~]*[!-~])?(?:\n(?:[ -~]*[!-~])?)*\n")  # no blanks at their ends
# Text that other readers take for truth or a number, Envoy and kubectl among them (YAML 1.1); what
# YAML 1.2 does is quoted anyway.
_AMBIGUOUS = re.compile(r"(?i:y|n|yes|no|on|off|[-+]?0x[0-9a-f_]+)")
_COLLECTIONS = frozenset({"tag:yaml.org,2002:map", "tag:yaml.org,2002:seq"})


def read(path: Path, name: str | None = None) -> list[Node]:
    """All documents of a YAML file; ``name`` stands for the path in places.

    Raises:
        DocumentError: the file can't be read, or is not YAML.
    """
    shown = name or str(path)
    try:
        size = path.stat().st_size
        text = path.read_text(encoding="utf-8") if size <= MAX_BYTES else ""
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        raise DocumentError.at(Place(shown), f"can't be read: {reason}") from error
    except UnicodeDecodeError as error:
        raise DocumentError.at(Place(shown), f"is not UTF-8 text: {error.reason}") from error
    if size > MAX_BYTES:
        raise DocumentError.at(Place(shown), f"has {size} bytes, at most {MAX_BYTES} are read")
    return parse(text, shown)


def parse(text: str, name: str) -> list[Node]:
    """All documents of a YAML text, empty ones left out.

    Raises:
        DocumentError: the text is not YAML, or stands for too much.
    """
    try:
        plain = libyaml.documents(text, name, MAX_NODES, MAX_DEPTH)
    except libyaml.TooMuch as error:
        raise DocumentError.at(error.place, str(error)) from error
    if plain is None and len(text) > MAX_SLOW:
        message = f"has {len(text)} characters; of more than {MAX_SLOW} only plain YAML is read: "
        raise DocumentError.at(Place(name), f"{message}no anchors, tags, tabs or mistakes")
    return slowly(text, name) if plain is None else plain


def slowly(text: str, name: str) -> list[Node]:
    """What :func:`parse` gives, from ruamel alone."""
    from ruamel.yaml import YAML
    from ruamel.yaml.error import MarkedYAMLError, YAMLError

    builder = _Builder(name, YAML(typ="safe", pure=True).constructor)
    try:
        roots: Iterable[Any] = list(YAML(typ="safe", pure=True).compose_all(text))
        return [builder.build(root, 0) for root in roots if root is not None]
    except MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        place = Place(name, mark.line + 1, mark.column + 1) if mark else Place(name)
        raise DocumentError.at(place, f"is not YAML: {error.problem or error.context}") from error
    except (YAMLError, ValueError, RecursionError) as error:
        first = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise DocumentError.at(Place(name), f"is not YAML: {first}") from error


class _Builder:
    """Turns ruamel's nodes into ours, counting them."""

    def __init__(self, name: str, constructor: Any) -> None:
        self._name = name
        self._count = 0
        self._constructor = constructor

    def build(self, node: Any, depth: int, key: Place | None = None) -> Node:
        place = self._place(node)
        self._count += 1
        if self._count > MAX_NODES:
            raise DocumentError.at(place, f"stands for more than {MAX_NODES} values")
        if depth > MAX_DEPTH:
            raise DocumentError.at(place, f"is nested deeper than {MAX_DEPTH} levels")
        if node.id != "scalar" and str(node.tag) not in _COLLECTIONS:
            raise DocumentError.at(place, f"is not YAML: unknown tag {str(node.tag)!r}")
        if node.id == "mapping":
            return Node(self._mapping(node, depth), place, key)
        if node.id == "sequence":
            return Node(tuple(self.build(item, depth + 1) for item in node.value), place, key)
        return Node(self._scalar(node, place), place, key)

    def _mapping(self, node: Any, depth: int) -> dict[str, Node]:
        merged: dict[str, Node] = {}
        own: dict[str, Node] = {}
        for key_node, value_node in node.value:
            at = self._place(key_node)
            if key_node.tag == "tag:yaml.org,2002:merge":
                merged |= self._merge(value_node, depth)
                continue
            name = self._key(key_node, at)
            if name in own:
                raise DocumentError.at(at, f"key {name!r} comes twice, first at {own[name].key}")
            own[name] = self.build(value_node, depth + 1, at)
        return {**merged, **own} if merged else own

    def _merge(self, node: Any, depth: int) -> dict[str, Node]:
        """A ``<<`` key (YAML 1.1): one mapping, or several of which the first wins."""
        sources = node.value if node.id == "sequence" else [node]
        merged: dict[str, Node] = {}
        for source in reversed(sources):
            merged |= dict(self.build(source, depth + 1).items())
        return merged

    def _key(self, node: Any, place: Place) -> str:
        if node.id != "scalar":
            raise DocumentError.at(place, "a key must be text, not a list or a mapping")
        return str(node.value)

    def _scalar(self, node: Any, place: Place) -> Scalar:
        value = self._constructor.construct_object(node)
        if value is None or isinstance(value, str | int | float | bool):
            return value
        return str(node.value)  # a date, say: to us it is the text that was written

    def _place(self, node: Any) -> Place:
        return Place(self._name, node.start_mark.line + 1, node.start_mark.column + 1)


def dump(value: Any, *, blocks: bool = False) -> str:
    """Plain values as YAML text, keys in their order; with ``blocks``, text of several lines stands
    in as many, and text that some take for something else in quotes.
    """
    from ruamel.yaml import YAML

    writer = YAML(typ="safe", pure=True)
    if blocks:
        writer.Representer, value = _in_blocks(writer.Representer), _marked(value)
    writer.default_flow_style = False
    writer.width = sys.maxsize  # columns; where a line is broken differs by ruamel's version
    writer.sort_base_mapping_type_on_output = False  # type: ignore[assignment] # typed as None
    stream = StringIO()
    writer.dump(value, stream)
    return stream.getvalue()


class _Block(str):
    """Text that may stand in lines as it is."""


class _Quoted(str):
    """Text that needs quotes to be text for everybody."""


def _marked(value: Any) -> Any:
    """Values, not keys, that are written in another way than text is."""
    if isinstance(value, dict):
        return {key: _marked(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_marked(item) for item in value]
    if not isinstance(value, str):
        return value
    if _AMBIGUOUS.fullmatch(value):
        return _Quoted(value)
    return _Block(value) if _LINES.fullmatch(value) else value


def _in_blocks(base: Any) -> Any:
    """A representer that keeps the lines of such text, and quotes all other with a line's end."""

    class Blocks(base):  # type: ignore[misc] # ruamel gives the class at run time
        def represent_block(self, data: str) -> Any:
            return self.represent_scalar("tag:yaml.org,2002:str", str(data), style="|")

        def represent_quoted(self, data: str) -> Any:
            return self.represent_scalar("tag:yaml.org,2002:str", str(data), style='"')

        def represent_line(self, data: str) -> Any:
            style = None if data.isprintable() else '"'
            return self.represent_scalar("tag:yaml.org,2002:str", data, style=style)

    Blocks.add_representer(_Block, Blocks.represent_block)
    Blocks.add_representer(_Quoted, Blocks.represent_quoted)
    Blocks.add_representer(str, Blocks.represent_line)
    return Blocks
