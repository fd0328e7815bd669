from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from debugger.routing.arriving import canonical
from mesh_traffic import Request
from tests.debugger.routing.made import answers
from tests.debugger.routing.oracle import Oracle, Table, oracle
from tests.mini_mesh.live import needs_envoy
from xds_server.protos import route

_TEXT = """
/ /.. /a/.. /a/. /./ /.//x /a/../b /a//../b /a/..//b /../../a /a/b/../../../c //a /a//b /a// ///
/%2e%2e/b /a/%2E /a/.%2e /a%2e /a/..%2fb /a%2fb /a%2F..%5cb /a\\b \\a /a%5Cb /%2fa /a%2f%2fb
/a%61 /%7e~ /%2d%5f%2e%2Ex /%41%5a%30 /%zz /% /%4 /%%30%30 /%%34a /%a%61 /%%61 /%%2561
/%00 /a%00b /a%20b /%21%24 /a%3Fb /a%23b /%c3%a9 /a/..;/b /a/..;x/b /a/.;x/b /a/%2e%2e;x/b /..;
/a/..;x\\b /a/..;..;../b /a/b..;/c /a/..;x%2fb /a/;../b /c/%2e%2e/..;/b /a/..;?..;/x
/a|b /a^b /a"b /a<b> /a`b /{a} /[a] /a'b /a;b/../c /.a /a..b /... /a/.../b /a=b,c:d@e!$&()*+
/a?x=/../b /a?b//c /a?%2f /a/../b?c/../d /%2e?/..
"""
PATHS = _TEXT.split()
ALPHABET = ["/", "/", ".", "..", "a", "%2e", "%2F", "%5c", "%61", "\\", "|", "%", "%4", ";", "~"]
SEEDED = 400


@pytest.fixture(scope="module")
def envoy(tmp_path_factory: pytest.TempPathFactory) -> Oracle:
    config = route.RouteConfiguration(
        virtual_hosts=[route.VirtualHost(name="x", domains=["*"], routes=[answers()])]
    )
    told = [
        {"normalize_path": True},
        {"merge_slashes": True},
        {"path_with_escaped_slashes_action": "UNESCAPE_AND_FORWARD"},
    ]
    folder: Path = tmp_path_factory.mktemp("canonical")
    with oracle(needs_envoy(), folder, [Table(config, each) for each in told]) as found:
        yield found  # type: ignore[misc] # a generator, as pytest wants it


def _random() -> list[str]:
    import random

    chosen = random.Random(4)
    return ["/" + "".join(chosen.choices(ALPHABET, k=chosen.randrange(8))) for _ in range(SEEDED)]


def test_paths_become_what_envoy_makes_of_them(envoy: Oracle) -> None:
    made = (canonical.normal, canonical.merged_slashes, canonical.unescaped_slashes)
    for path in [*PATHS, *_random()]:
        for i, ours in enumerate(made):
            if not path.startswith("/"):
                continue
            answer = envoy.ask(i, Request(path=path, authority="a"))
            envoys = answer.headers.get("x-path") if answer.status == 200 else None
            assert ours(path) == envoys, (path, ours.__name__)


@given(st.text())
def test_any_text_is_a_path_or_none(path: str) -> None:
    found = canonical.normal(path)
    assert found is None or found.startswith("/")
    canonical.unescaped_slashes(canonical.merged_slashes(path))
