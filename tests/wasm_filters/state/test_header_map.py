"""Envoy's habits; that they are Envoy's is shown in test_fidelity.py."""

from __future__ import annotations

from wasm_filters.state.header_map import INLINE_REQUEST, INLINE_RESPONSE, HeaderMap


def test_values_of_a_name_are_joined_by_commas() -> None:
    fields = HeaderMap([(b"a", b"1"), (b"b", b"2"), (b"A", b"3")])
    assert fields.joined(b"a") == fields.joined(b"A") == b"1,3"
    assert fields.joined(b"b") == b"2"
    assert fields.joined(b"c") is None


def test_names_are_lower_case_and_found_in_any() -> None:
    fields = HeaderMap([(b"X-A", b"1")])
    assert fields.pairs == [(b"x-a", b"1")]
    assert fields.get(b"X-a") == b"1"


def test_the_first_of_several_values_is_found() -> None:
    fields = HeaderMap([(b"x-a", b"1"), (b"x-a", b"2")])
    assert fields.get(b"x-a") == b"1"
    assert len(fields) == 2


def test_an_inline_header_exists_once() -> None:
    fields = HeaderMap([(b"accept", b"a"), (b"x", b"1"), (b"accept", b"b")], INLINE_REQUEST)
    assert fields.pairs == [(b"accept", b"a,b"), (b"x", b"1")]


def test_what_is_inline_depends_on_the_direction() -> None:
    fields = HeaderMap([(b"accept", b"a"), (b"accept", b"b")], INLINE_RESPONSE)
    assert len(fields) == 2


def test_a_value_added_to_an_empty_inline_header_gets_no_comma() -> None:
    fields = HeaderMap([(b"accept", b"")], INLINE_REQUEST)
    fields.add(b"accept", b"b")
    assert fields.get(b"accept") == b"b"


def test_an_empty_value_added_to_an_inline_header_changes_nothing() -> None:
    fields = HeaderMap([(b"accept", b"a"), (b"accept", b"")], INLINE_REQUEST)
    assert fields.pairs == [(b"accept", b"a")]


def test_replacing_moves_a_field_to_the_end_and_leaves_one() -> None:
    fields = HeaderMap([(b"a", b"1"), (b"b", b"2"), (b"a", b"3")])
    fields.replace(b"A", b"4")
    assert fields.pairs == [(b"b", b"2"), (b"a", b"4")]


def test_putting_leaves_a_field_where_it_is() -> None:
    fields = HeaderMap([(b"content-type", b"a"), (b"b", b"1")], INLINE_RESPONSE)
    fields.put(b"Content-Type", b"c")
    fields.put(b"server", b"d")
    assert fields.pairs == [(b"content-type", b"c"), (b"b", b"1"), (b"server", b"d")]
    assert fields.get(b"content-type") == b"c"


def test_pseudo_headers_stay_in_front() -> None:
    fields = HeaderMap([(b"a", b"1"), (b":path", b"/")])
    fields.add(b":method", b"GET")
    assert fields.pairs == [(b":path", b"/"), (b":method", b"GET"), (b"a", b"1")]


def test_host_is_the_authority_of_a_request_only() -> None:
    request = HeaderMap([(b":authority", b"a")], INLINE_REQUEST)
    request.replace(b"Host", b"b")
    assert request.pairs == [(b":authority", b"b")]
    assert HeaderMap([(b"host", b"a")], INLINE_RESPONSE).get(b":authority") is None


def test_removing_takes_all_of_a_name() -> None:
    fields = HeaderMap([(b"a", b"1"), (b"a", b"2"), (b"b", b"3")])
    fields.remove(b"A")
    fields.remove(b"none")
    assert fields.pairs == [(b"b", b"3")]


def test_the_size_is_that_of_names_and_values() -> None:
    assert HeaderMap([(b"ab", b"cde"), (b"f", b"")]).byte_size == 6


def test_setting_all_fields_forgets_the_old() -> None:
    fields = HeaderMap([(b"a", b"1")])
    fields.set_pairs([(b"B", b"2"), (b":status", b"200")])
    assert fields.pairs == [(b":status", b"200"), (b"b", b"2")]
    assert fields.get(b"a") is None
