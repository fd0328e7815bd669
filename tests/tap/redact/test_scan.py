"""What is found in a text, and what is not."""

from __future__ import annotations

import pytest

from tap.redact.context import without_escapes
from tap.redact.pattern import Pattern
from tap.redact.rules import Rules
from tap.redact.scan import MAX_FOUND, Scanner, TooMany

SCANNER = Scanner(Rules())


def found(text: str, scanner: Scanner = SCANNER, **more: bool) -> list[str]:
    data = text.encode()
    return [data[one.start : one.end].decode() for one in scanner.found(data, **more)]


@pytest.mark.parametrize(
    ("text", "secrets"),
    [
        ('{"password": "hunt\\"er2", "a": 1}', ['hunt\\"er2']),
        ('{"cvv": 123, "pin": true, "token": null, "secret": ""}', ["123"]),
        ('{"cards": [{"number": 4111, "ok": true, "n": "x]"}], "z": 2}', ["4111", "x]"]),
        (r'"{\"password\": \"hunter2\", \"z\": 1}"', ["hunter2"]),
        (r'"{\"tokens\": 1, \"cards\": [{\"n\": \"a]b\"}]}"', [r"[{\"n\": \"a]b\"}]"]),
        ("a=1&user[password]=x%20y&user%5Bpassword%5D=zz&b=2", ["x%20y", "zz"]),
        ("Cookie: a=b; c=d\r\nHost: x", ["a=b; c=d"]),
        ('{"log": "authorization: Bearer abc and more", "z": 1}', ["Bearer abc and more"]),
        ("a bearer Bearer mF_9.B5f-4.1JqM", ["mF_9.B5f-4.1JqM"]),
        ("basic Basic dXNlcjpwYXNz", ["dXNlcjpwYXNz"]),
        ("password: correct horse\nplan: team", ["correct horse"]),
        ("- api-key: 1\n- spin: 5", ["1"]),
        ("user=jason password=hunter2 from=1.2.3.4", ["hunter2"]),
        ("<s:Password type='x'>hunter2</s:Password><pin>12</pin><spin>3</spin>", ["hunter2", "12"]),
        ("see https://x/?access_token=abc and more", ["abc"]),
        ("a {'client_secret': 'abc'} of Python", ["abc"]),
        ("order 4111111111111112 card 4111 1111 1111 1111", ["4111 1111 1111 1111"]),
        (
            "amex 3782-822463-10005, 4000 4111 1111 1111 1111",
            ["3782-822463-10005", "4111 1111 1111 1111"],
        ),
        ("x4111111111111111 0.4111111111111111 41111111111111110000", []),
        ("Bearer abc123def but no Bearer authentication", ["abc123def"]),
        ("Basic dXNlcjpwYXNz but no basic information", ["dXNlcjpwYXNz"]),
        ("spin: 1, japan: 2, next_tokens: 3, password", []),
    ],
)
def test_secrets_are_found_where_they_stand(text: str, secrets: list[str]) -> None:
    assert found(text) == secrets


def test_scripts_and_markup_have_names_that_are_none() -> None:
    script = 'token=getToken();x={password:prompt("?")};y={apiKey:"abc"}; href="/a?token=def"'
    assert found(script, markup=True) == ["abc", "def"]


@pytest.mark.parametrize("text", ["a eyJhbG", "AKIA12", "card 41111", "Bearer x", "ghp_a"])
def test_the_beginning_of_a_secret_counts_at_the_end_of_a_cut_text(text: str) -> None:
    assert found(text) == []
    assert [text.endswith(one) for one in found(text, cut=True)] == [True]


def test_a_pattern_of_ones_own_is_found_and_its_beginning_too() -> None:
    scanner = Scanner(Rules(patterns=(Pattern("employee", r"EMP-(?P<secret>[0-9]{6})"),)))
    assert found("EMP-123456 EMP-12", scanner) == ["123456"]
    assert found("EMP-123456 EMP-12", scanner, cut=True) == ["123456", "EMP-12"]


@pytest.mark.parametrize("regex", [r"\b", "a|\\b", "(?P<secret>x)?yy"])
def test_a_pattern_that_matches_nothing_somewhere_does_not_stop_the_rest(regex: str) -> None:
    scanner = Scanner(Rules(patterns=(Pattern("odd", regex),)))
    assert "hunter2" in found('yy {"password": "hunter2"}', scanner)


def test_names_that_are_kept_are_no_secrets() -> None:
    scanner = Scanner(Rules(keep=("next_page_token",)))
    assert found('{"nextPageToken": "a", "token": "b"}', scanner) == ["b"]


def test_too_many_candidates_end_the_search_where_they_were_found() -> None:
    text = b'{"pin": "1"}' * (MAX_FOUND + 1)
    with pytest.raises(TooMany) as error:
        SCANNER.found(text)
    assert len(error.value.found) == MAX_FOUND
    assert error.value.at == text.rindex(b'"1"') - len(b'{"pin": "1"}') + 2


def test_escapes_that_hide_a_name_or_a_slash_are_read() -> None:
    sent = rb'{"pass\u0077ord": "a\/b \u0022 \\u0041 \n \u00e9"}'
    assert without_escapes(sent) == rb'{"password": "a/b \u0022 \\u0041 \n \u00e9"}'
    assert SCANNER.suspicious(sent)
