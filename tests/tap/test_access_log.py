"""Messages of an access log's stream: what they say, and junk."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tap.access_log import _FLAGS, LogReader
from tap.flags import WORDS
from xds_server.mirror import mirror_class
from xds_server.protos import access_log_service


@given(st.binary(max_size=200))
def test_any_bytes_are_entries_or_a_counted_error(data: bytes) -> None:
    log = LogReader()
    found = log.receive(data)
    assert not (found and log.errors)


def test_an_empty_entry_is_one_of_which_nothing_is_known() -> None:
    message = mirror_class(access_log_service.StreamAccessLogsMessage)()
    message.http_logs.log_entry.add()
    (entry,) = LogReader().receive(message.SerializeToString())
    assert (entry.request.method, entry.response, entry.flags) == ("", None, ())
    assert (entry.duration, entry.attempts) == (None, 0)


def test_every_flag_of_envoys_message_has_its_short_name() -> None:
    message = mirror_class(access_log_service.StreamAccessLogsMessage)()
    flags = message.http_logs.log_entry.add().common_properties.response_flags
    fields = flags.DESCRIPTOR.fields
    assert sorted(field.name for field in fields) == sorted(_FLAGS)
    for field in fields:
        if field.type == field.TYPE_BOOL:
            setattr(flags, field.name, True)
    flags.unauthorized_details.SetInParent()  # this one is a message, with a reason
    (entry,) = LogReader().receive(message.SerializeToString())
    assert sorted(entry.flags) == sorted(_FLAGS.values())


@pytest.mark.parametrize("flag", _FLAGS.values())
def test_every_flag_can_be_said_in_words(flag: str) -> None:
    assert flag in WORDS
