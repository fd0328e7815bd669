"""Forms, written by real encoders."""

from __future__ import annotations

from email import message_from_bytes
from urllib.parse import urlencode

import aiohttp
import pytest

from tap.content import view
from tap.content.form import MAX_FIELDS, MAX_PARTS
from tests.tap.content.given import sent

FORM = "application/x-www-form-urlencoded"


def test_a_form_has_its_fields_decoded_and_in_order() -> None:
    data = urlencode([("name", "Zoë & co"), ("x", ""), ("name", "a=b\n")]).encode()
    shown = view(sent(data, FORM), "request")
    assert shown.kind == "form"
    assert shown.text == "name = Zoë & co\nx = \nname = a=b\\n"
    assert shown.value == {"name": ["Zoë & co", "a=b\n"], "x": ""}


def test_a_form_of_countless_fields_is_bounded() -> None:
    shown = view(sent(b"a=1&" * (MAX_FIELDS + 5), FORM), "request")
    assert len(shown.value["a"]) == MAX_FIELDS
    assert shown.notes == (f"only the first {MAX_FIELDS:,} fields are shown",)


async def posted() -> tuple[bytes, str]:
    """A multipart as aiohttp writes it, and its content-type."""
    form = aiohttp.FormData()
    form.add_field("title", "Zoë")
    form.add_field("record", '{"stars": [5]}', content_type="application/json")
    form.add_field("file", bytes(range(20)), filename="a.bin", content_type="application/x-any")
    payload = form()
    return await payload.as_bytes(), payload.content_type


async def test_each_part_of_a_multipart_is_decoded_as_what_it_is() -> None:
    data, type = await posted()
    shown = view(sent(data, type), "request")
    assert shown.kind == "multipart"
    assert [(one["name"], one["kind"], one["size"]) for one in shown.value] == [
        ("title", "text", 4),
        ("record", "json", 14),
        ("file", "binary", 20),
    ]
    assert shown.value[1]["value"] == {"stars": [5]}
    assert "-- file  a.bin  binary  20 bytes" in shown.text
    assert shown.notes == ()


async def test_its_parts_are_those_that_pythons_mail_parser_finds() -> None:
    data, type = await posted()
    theirs = message_from_bytes(f"content-type: {type}\r\n\r\n".encode() + data).get_payload()
    ours = view(sent(data, type), "request").value
    assert [one.get_param("name", header="content-disposition") for one in theirs] == [
        one["name"] for one in ours
    ]
    assert [len(one.get_payload(decode=True)) for one in theirs] == [one["size"] for one in ours]


async def test_a_multipart_that_is_cut_off_says_so() -> None:
    data, type = await posted()
    shown = view(sent(data[: len(data) // 2], type, cut=True), "request")
    assert shown.value[0]["value"] == "Zoë"
    assert shown.notes == ("the last part is cut off",)


@pytest.mark.parametrize(
    ("type", "note"),
    [
        ("multipart/form-data", "a multipart without a boundary"),
        ("multipart/form-data; boundary=b", "a multipart in which its boundary does not come"),
    ],
)
def test_what_is_no_multipart_says_why(type: str, note: str) -> None:
    shown = view(sent(b"--a\r\n\r\nx", type), "request")
    assert (shown.kind, shown.notes) == ("text", (note,))


def test_a_multipart_of_countless_parts_and_levels_is_bounded() -> None:
    many = view(sent(b"--b\r\n\r\nx\r\n" * 500, "multipart/mixed; boundary=b"), "request")
    assert len(many.value) == MAX_PARTS
    head = b"--b\r\ncontent-type: multipart/mixed; boundary=b\r\n\r\n"
    deep = view(sent(head * 50, "multipart/mixed; boundary=b"), "request")
    assert deep.kind == "multipart"
