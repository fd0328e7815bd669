"""Rules in YAML: what they add up to, and errors with their places."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from mesh_yaml.place import DocumentError
from tap.redact import Redactor, RuleBook, Rules, RulesError
from tap.redact.pattern import Pattern, PatternError
from tap.redact.read import read_rules
from tests.tap.redact.planted import answer


def read(tmp_path: Path, text: str) -> RuleBook:
    path = tmp_path / "rules.yaml"
    path.write_text(text)
    return read_rules(path)


def test_an_empty_file_has_the_defaults(tmp_path: Path) -> None:
    assert read(tmp_path, "") == RuleBook()


def test_a_service_adds_to_what_the_file_adds_to_the_defaults(tmp_path: Path) -> None:
    book = read(
        tmp_path,
        "names: [iban]\nkeep: [next_page_token]\n"
        "services:\n"
        "  pay:\n"
        "    paths: [$.user.ssn]\n"
        "    patterns:\n"
        "      employee: 'E-[0-9]{6}'\n"
        "      badge: {regex: 'B-(?P<secret>[0-9]+)', cut: 'B-.*'}\n"
        "  legacy: {redact: false}\n"
        "  bare: {defaults: false, headers: [x-key]}\n",
    )
    assert book.default.names[-1] == "iban"
    pay = book.of("pay")
    assert (pay.names, pay.keep, pay.paths) == (
        book.default.names,
        ("next_page_token",),
        ("$.user.ssn",),
    )
    assert [one.name for one in pay.patterns[-2:]] == ["employee", "badge"]
    assert book.of("legacy").off
    assert book.of("bare") == Rules(headers=("x-key",), names=(), parameters=(), patterns=())
    assert book.of("other") is book.default


def test_everything_that_is_wrong_is_told_at_its_place(tmp_path: Path) -> None:
    with pytest.raises(DocumentError) as error:
        read(
            tmp_path,
            "name: [x]\n"
            "paths: [user..]\n"
            "patterns:\n"
            "  a: '(?=x)'\n"
            "  b: 'x*'\n"
            "  c: {regex: abc, chek: x}\n"
            "  d: {cut: x}\n"
            "  e: {regex: abc, check: luhn}\n"
            "redact: perhaps\n"
            "services: [a]\n"
            "names: ['*', {a: b}]\n",
        )
    assert str(error.value).replace(f"{tmp_path}/", "").splitlines() == [
        "rules.yaml:1:1: unknown key 'name'; did you mean 'names'?",
        "rules.yaml:2:9: 'user..': expected .name, ['name'], [0], [*] or .. at column 5, got '..'",
        "rules.yaml:4:6: '(?=x)' is no RE2 expression: invalid perl operator: (?=",
        "rules.yaml:5:6: 'x*' matches an empty text, so it would match everywhere",
        "rules.yaml:6:19: unknown key 'chek'; did you mean 'check'?",
        "rules.yaml:7:6: 'regex' is missing",
        "rules.yaml:8:6: unknown check 'luhn', expected one of ['basic', 'bearer', 'card']",
        "rules.yaml:9:9: redact: expected true or false, got 'perhaps'",
        "rules.yaml:10:11: expected a mapping, got a list",
        "rules.yaml:11:9: expected a name such as '*access_token', got '*'",
        "rules.yaml:11:14: expected text, got a mapping",
    ]


def test_a_second_document_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(DocumentError, match="rules.yaml:3:1: expected one document, got another"):
        read(tmp_path, "names: [a]\n---\nnames: [b]\n")


def test_what_python_can_say_wrong_is_an_error_too() -> None:
    with pytest.raises(RulesError, match="201 names, at most 200 are taken"):
        Rules(names=("a",) * 201)
    with pytest.raises(PatternError, match="has 1,001 characters, at most 1,000 are taken"):
        Pattern("long", "a" * 1001)


def test_no_pattern_can_hold_up_the_hub() -> None:
    redact = Redactor(Rules(patterns=(Pattern("nested", r"(a+)+(a|aa)+b\z"),)))
    began = time.process_time()
    redact(answer(b"a" * 100_000))
    assert time.process_time() - began < 2.0, "backtracking would take longer than the sun has"
