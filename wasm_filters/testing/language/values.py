"""Bodies, header fields and sizes of pieces, as people write them."""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any

from pydantic import BeforeValidator, Discriminator, Field, Tag, WithJsonSchema, model_validator

from mesh_traffic import Headers
from mesh_yaml.matching import SHORT
from mesh_yaml.node import Node
from mesh_yaml.place import DocumentError
from mesh_yaml.spec import AlsoWritten, Closed, Text, one_or_more

REST = "rest"
MAX_BODY = 64 << 20  # bytes


def decoded(text: str) -> bytes:
    """Base64 as bytes; ValueError if it is none."""
    try:
        return base64.b64decode(text, validate=True)
    except binascii.Error as error:
        raise ValueError(f"is no base64: {str(error).lower()}") from error


def as_json(value: Any) -> bytes:
    return json.dumps(value, ensure_ascii=False).encode()


def read(path: str, folder: Path, node: Node) -> bytes:
    """A file that a test names, relative to the test file's folder.

    Raises:
        DocumentError: it can't be read.
    """
    try:
        return (folder / path).read_bytes()
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        raise DocumentError.at(node.place, f"{folder / path}: can't be read: {reason}") from error


class BodySpec(Closed):
    """Bytes: a text, or one of these."""

    text: Text | None = None
    json_: Any = Field(None, alias="json", description="any value, sent as JSON")
    base64: str | None = None
    file: str | None = Field(None, description="relative to the test file")
    size: int | None = Field(None, ge=0, le=MAX_BODY, description="so many bytes, each an x")

    @model_validator(mode="after")
    def _one(self) -> BodySpec:
        if len(self.model_fields_set) != 1:
            raise ValueError("expected one of base64, file, json, size, text")
        if self.base64 is not None:
            decoded(self.base64)
        return self

    def content(self, folder: Path, node: Node) -> bytes:
        """The bytes; ``node`` is where this was written.

        Raises:
            DocumentError: its file can't be read.
        """
        if self.file is not None:
            return read(self.file, folder, node.find("file"))
        if self.text is not None:
            return self.text.encode()
        if self.base64 is not None:
            return decoded(self.base64)
        return b"x" * self.size if self.size is not None else as_json(self.json_)


def _body(value: Any) -> Any:
    return value if isinstance(value, dict) else {"text": value}


Body = Annotated[BodySpec, BeforeValidator(_body), SHORT]

FieldValue = Annotated[
    list[Text] | None,
    BeforeValidator(lambda value: value if value is None else one_or_more(value)),
    AlsoWritten.of("string", "number", "boolean"),
]
Fields = dict[str, FieldValue]


def headers(fields: Mapping[str, Sequence[str] | None]) -> Headers:
    """The fields, one for each value; a name with null has none."""
    return Headers(
        tuple((name, value) for name, values in fields.items() for value in values or ())
    )


def _pieces(value: Any) -> Any:
    """``7``, or ``[1, 2, rest]``: the rest comes anyway, but saying so reads better."""
    if isinstance(value, list) and value[-1:] == [REST]:
        return value[:-1]
    return value


Size = Annotated[int, Field(ge=1)]
_SIZE = {"type": "integer", "minimum": 1}
Pieces = Annotated[
    Annotated[Size, Tag("size")] | Annotated[list[Size], Field(min_length=1), Tag("sizes")],
    Discriminator(lambda value: "sizes" if isinstance(value, list) else "size"),
    BeforeValidator(_pieces),
    WithJsonSchema(
        {"anyOf": [_SIZE, {"type": "array", "items": {"anyOf": [_SIZE, {"const": REST}]}}]}
    ),
]
