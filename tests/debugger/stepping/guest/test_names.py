"""Names of functions, made short and readable; whatever is no such name stays as it is."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis.strategies import text

from debugger.stepping.guest.names import demangled, short


@pytest.mark.parametrize(
    ("name", "plain"),
    [
        ("_ZN10plan_limit7request6header17h818e906815cd7a76E", "plan_limit::request::header"),
        (
            "_ZN71_$LT$plan_limit..Limited$u20$as$u20$proxy_wasm..traits..HttpContext$GT$"
            "23on_http_request_headers17hb897c0c805b07975E",
            "<plan_limit::Limited as proxy_wasm::traits::HttpContext>::on_http_request_headers",
        ),
        ("_ZN3std2io", "_ZN3std2io"),  # cut
        ("_ZN9999999999E", "_ZN9999999999E"),
        ("proxy_on_log", "proxy_on_log"),
    ],
)
def test_old_rust_names_are_read(name: str, plain: str) -> None:
    assert demangled(name) == plain


@pytest.mark.parametrize(
    ("name", "kept"),
    [
        ("std::vector<int, std::allocator<int>>::push_back", "std::vector::push_back"),
        ("<Limited as HttpContext>::on_log", "<Limited as HttpContext>::on_log"),
        ("operator<", "operator<"),
        ("cut<off, here", "cut"),
        ("", ""),
    ],
)
def test_what_stands_in_angle_brackets_is_left_out(name: str, kept: str) -> None:
    assert short(name) == kept


@given(text())
def test_any_text_is_a_name(name: str) -> None:
    assert isinstance(short(demangled(name)), str)
    assert isinstance(demangled(f"_ZN{name}E"), str)
