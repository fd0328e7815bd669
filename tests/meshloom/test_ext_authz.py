"""The service alone, asked by gRPC's own client."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from pathlib import Path

import grpc
import pytest

from mini_mesh.beside.ext_authz.authorizer import CHECK, HEALTH
from tests.meshloom.command import inside, write
from tests.mini_mesh.beside.ext_authz.test_authorizer import question
from xds_server.mirror import parse
from xds_server.protos import auth_service as messages

RULES = "rules:\n- {when: {principals: {prefix: 'spiffe://shop/'}, methods: GET}, allow: true}\n"


def test_it_answers_who_asks_until_it_is_told_to_stop(tmp_path: Path) -> None:
    file = write(tmp_path, RULES, "rules.yaml")
    command = [sys.executable, "-m", "meshloom", "ext-authz", str(file), "--json"]
    with subprocess.Popen(
        [*command, "--listen", "127.0.0.1:0"], stdout=subprocess.PIPE, text=True
    ) as run:
        assert run.stdout is not None
        ready = json.loads(run.stdout.readline())
        assert ready["event"] == "ready"
        with grpc.insecure_channel(ready["address"]) as channel:
            check = channel.unary_unary(CHECK)
            said = [
                parse(messages.CheckResponse, check(question("", method=m))) for m in ("GET", "PUT")
            ]
            assert [each.status.code for each in said] == [0, 7]
            assert channel.unary_unary(HEALTH)(b"") == b"\x08\x01"
        run.send_signal(signal.SIGINT)
        assert json.loads(run.stdout.readline()) == {
            "event": "stopped",
            "counts": {"allowed": 1, "denied": 1},
        }
        assert run.wait(10) == 0


@pytest.mark.parametrize(
    ("text", "more", "told"),
    [
        ("rules: [{}]", (), "expected one of allow and deny"),
        (
            "rules: {when: {from: web}, deny: true}",
            (),
            "no mesh says who 'web' is; use 'principals'",
        ),
        ("call: 'nothing_there:x'", (), "No module named 'nothing_there'"),
        (RULES, ("--listen", "0.0.0.0:1"), "is not on loopback"),
        ("", (), "expected one document"),
    ],
)
def test_what_nobody_can_go_by_is_bad_input(
    tmp_path: Path, text: str, more: tuple[str, ...], told: str
) -> None:
    done = inside("ext-authz", write(tmp_path, text, "rules.yaml"), *more)
    assert done.code == 2
    assert told in done.err.replace("\n", " ")
