"""Whether texts, headers, bodies and requests look as they must; and if not, what was seen."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from mesh_traffic import Headers, Request
from mesh_yaml.matching import StringMatch, TextMatchSpec
from wasm_filters.services.grpc_calls import unframe
from wasm_filters.testing.language.matches import (
    BodyMatchSpec,
    CalloutMatchSpec,
    FieldMatchSpec,
    RequestMatchSpec,
)
from wasm_filters.testing.language.values import as_json, decoded

MAX_SHOWN = 200  # characters of one value
Steps = tuple[str | int, ...]


@dataclass(frozen=True, slots=True)
class Miss:
    """Something is not as it must be. ``path`` leads to the words that ask for it."""

    path: Steps
    expected: str
    seen: str


def shown(value: str | bytes) -> str:
    """A value for people: quoted, cut where it is long."""
    if isinstance(value, bytes):
        value = value.decode("utf-8", "backslashreplace")
    text = repr(value[:MAX_SHOWN])
    return text if len(value) <= MAX_SHOWN else f"{text}… ({len(value)} characters)"


def wording(match: StringMatch) -> str:
    """What a match asks for, in words."""
    if match.kind == "present":
        return "none" if match.invert else "some"
    kind = "" if match.kind == "exact" else f"{match.kind} "
    return f"{'not ' if match.invert else ''}{kind}{shown(match.text)}"


def text(spec: TextMatchSpec | None, value: str, *path: str | int) -> Iterator[Miss]:
    """A text that is there; ``""`` counts as absent."""
    if spec is not None:
        match = spec.meaning()
        if not match.any_holds([value] if value else []):
            yield Miss(path, wording(match), shown(value) if value else "none")


def fields(
    specs: Mapping[str, FieldMatchSpec], headers: Headers, *path: str | int
) -> Iterator[Miss]:
    for name, spec in specs.items():
        values = headers.get_all(name)
        if not _field_holds(spec, values):
            wanted = _listed(spec.values) if spec.values is not None else wording(spec.meaning())
            yield Miss((*path, name), wanted, _listed(values))


def _field_holds(spec: FieldMatchSpec, values: Sequence[str]) -> bool:
    if spec.values is not None:
        return (list(values) == spec.values) != spec.invert
    return spec.meaning().any_holds(values)


def _listed(values: Sequence[str]) -> str:
    return " and ".join(map(shown, values)) or "none"


def body(spec: BodyMatchSpec | None, data: bytes, folder: Path, *path: str | int) -> Iterator[Miss]:
    if spec is None:
        return
    kind = spec.given()[0]
    if kind in ("prefix", "suffix", "contains", "regex", "present"):
        yield from text(spec, data.decode("utf-8", "replace"), *path)
        return
    holds, wanted = _BODIES[kind](spec, data, folder)
    if holds == spec.invert:
        seen = f"{len(data)} bytes" if kind == "size" else shown(data)
        yield Miss(path, f"{'not ' * spec.invert}{wanted}", seen)


def _size(spec: BodyMatchSpec, data: bytes, folder: Path) -> tuple[bool, str]:
    return spec.size is not None and spec.size.hold(len(data)), f"{spec.size} bytes"


def _json(spec: BodyMatchSpec, data: bytes, folder: Path) -> tuple[bool, str]:
    wanted = f"JSON {shown(as_json(spec.json_))}"
    try:
        return json.loads(data) == spec.json_, wanted
    except ValueError:
        return False, wanted


def _file(spec: BodyMatchSpec, data: bytes, folder: Path) -> tuple[bool, str]:
    path = folder / (spec.file or "")
    try:
        return path.read_bytes() == data, f"the bytes of {path}"
    except OSError as error:
        return spec.invert, f"the bytes of {path}, which can't be read: {error.strerror}"


def _exact(spec: BodyMatchSpec, data: bytes, folder: Path) -> tuple[bool, str]:
    wanted = decoded(spec.base64) if spec.base64 is not None else (spec.exact or "").encode()
    return wanted == data, shown(wanted)


_BODIES: Mapping[str, Callable[[BodyMatchSpec, bytes, Path], tuple[bool, str]]] = {
    "base64": _exact,
    "exact": _exact,
    "file": _file,
    "json": _json,
    "size": _size,
}


def mismatches(
    spec: RequestMatchSpec, request: Request, folder: Path, *path: str | int
) -> Iterator[Miss]:
    """In what a request differs from what it must be; the cluster of a callout left aside."""
    for name in ("method", "path", "authority", "scheme"):
        yield from text(getattr(spec, name), getattr(request, name), *path, name)
    yield from fields(spec.headers, request.headers, *path, "headers")
    yield from fields(spec.trailers, request.trailers, *path, "trailers")
    yield from body(spec.body, request.body.data, folder, *path, "body")
    if spec.message is not None:
        messages = unframe(request.body.data)
        yield from body(spec.message, messages[0] if messages else b"", folder, *path, "message")


def callout(
    spec: CalloutMatchSpec, cluster: str, request: Request, folder: Path, *path: str | int
) -> Iterator[Miss]:
    if spec.cluster is not None and spec.cluster != cluster:
        yield Miss((*path, "cluster"), shown(spec.cluster), shown(cluster))
    yield from mismatches(spec, request, folder, *path)
