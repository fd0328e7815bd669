from __future__ import annotations

import json
from pathlib import Path
from xml.etree import ElementTree

import pytest

from tests.debugger.routing.checks.shop import SHOP
from tests.meshloom.command import inside, write

GOOD = "  - {from: page, to: reviews, headers: {end-user: jason}, version: v2}\n"
WRONG = "  - {from: page, to: reviews, version: v2}\n"


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    return write(tmp_path, SHOP, "shop.yaml")


def checks(folder: Path, *lines: str) -> Path:
    return write(folder, "routes:\n" + "".join(lines), "routes.yaml")


def test_routes_are_listed_in_order_with_their_lines(shop: Path) -> None:
    done = inside("debug", "routes", shop)
    assert done.code == 0, done.err
    lines = [" ".join(line.split()) for line in done.out.splitlines()]
    at = lines.index("page, at page: outbound-page")
    assert lines[at + 2 : at + 6] == [
        f"1 prefix /, header end-user: 'jason' → reviews/v2 {shop}:14:9",
        f"2 path below /old → redirect 301 {shop}:15:9",
        f"3 path below /gone → 410 {shop}:16:9",
        f"4 prefix / → 90 reviews/v1, 10 reviews/v2 {shop}:10:45",
    ]


def test_what_holds_says_so_in_a_line(shop: Path) -> None:
    done = inside("debug", "routes", shop, "--expect", checks(shop.parent, GOOD))
    assert done.code == 0, done.err
    lines = done.out.splitlines()
    assert lines[1] == f"  ✓ 2:5    page → reviews   GET /   reviews/v2   {shop}:14:9"
    assert lines[2].startswith("1 of 1 check hold   1 of 4 routes reached   ")
    assert lines[3] == f"{shop}:15:9: no request from page reaches path below /old"


def test_what_does_not_hold_shows_every_route_and_why(shop: Path) -> None:
    done = inside("debug", "routes", shop, "--expect", checks(shop.parent, WRONG))
    assert done.code == 1
    assert "✗ 2:5    page → reviews   GET /" in done.out
    assert "expected cluster reviews/v2, got 90 reviews/v1, 10 reviews/v2" in done.out
    assert "virtual host   host 'reviews' (exact)" in done.out
    missed = f"header end-user: 'jason'   no: the header is absent   {shop}:14:9"
    assert f"route 1        {missed}" in done.out


def test_each_answer_is_data_too(shop: Path, tmp_path: Path) -> None:
    report = tmp_path / "report.xml"
    file = checks(shop.parent, GOOD, WRONG)
    done = inside("debug", "routes", shop, "--expect", file, "--json", "--junit", report)
    told = json.loads(done.out)
    assert (done.code, told["ok"]) == (1, False)
    assert [each["holds"] for each in told["checks"]] == [True, False]
    assert told["checks"][0]["route_place"] == f"{shop}:14:9"
    assert told["checks"][1]["undecided"] == ["chance decides by weight"]
    assert told["not_reached"][0]["place"] == f"{shop}:15:9"
    suite = ElementTree.parse(report).getroot()
    assert (suite.get("tests"), suite.get("failures")) == ("2", "1")
    listed = json.loads(inside("debug", "routes", shop, "--json").out)
    assert [each["name"] for each in listed["tables"]][:1] == ["outbound-page"]


def test_bad_input_is_code_2_with_its_place(shop: Path) -> None:
    file = checks(shop.parent, "  - {to: rviews, status: 200}\n")
    done = inside("debug", "routes", shop, "--expect", file)
    assert done.code == 2
    assert f"{file}:2:10: no service 'rviews'; did you mean 'reviews'?" in done.err
    assert inside("debug", "routes", shop, "--expect", shop.parent / "none.yaml").code == 2


def test_there_is_a_schema_of_the_language() -> None:
    assert json.loads(inside("schema", "--routes").out)["title"] == "checks of routes"
