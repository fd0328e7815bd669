"""Which modules a real Envoy loads: all are offered to one Envoy, each in a listener of its own, by
a file of listeners. It takes those that load, and logs why it refuses the others."""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tests.wasm_filters.plain_envoy import TYPE, envoy_binary, listener, plugin

LAST = "last"  # a listener without a filter, so that one knows when all were tried
_WASM = TYPE + "envoy.extensions.filters.network.wasm.v3.Wasm"


def verdicts(folder: Path, modules: Mapping[str, bytes]) -> dict[str, bool]:
    """Whether Envoy loads each of ``modules``; those that it was not asked about are missing, as
    it is when one of them crashes it."""
    found: dict[str, bool] = {}
    listeners = [_listener(folder, name, code) for name, code in modules.items()]
    for line in _offer(folder, [*listeners, listener(LAST, [_proxy()])]):
        if taken := re.search(r"lds: add/update listener '(\w+)'", line):
            found[taken[1]] = True
        elif refused := re.search(r"lds: listener '(\w+)' config rejected", line):
            found[refused[1]] = False
    return found


def _listener(folder: Path, name: str, code: bytes) -> dict[str, Any]:
    wasm = {"@type": _WASM, "config": plugin(folder, name, code, "")}
    return listener(name, [{"name": "wasm", "typed_config": wasm}, _proxy()])


def _proxy() -> dict[str, Any]:
    kind = TYPE + "envoy.extensions.filters.network.tcp_proxy.v3.TcpProxy"
    proxy = {"@type": kind, "stat_prefix": "tcp", "cluster": "none"}
    return {"name": "tcp", "typed_config": proxy}


def _offer(folder: Path, listeners: list[dict[str, Any]]) -> list[str]:
    """The log of an Envoy that was offered these, until it has tried the last or is gone."""
    kind = {"@type": TYPE + "envoy.config.listener.v3.Listener"}
    (folder / "listeners.json").write_text(json.dumps({"resources": [kind | o for o in listeners]}))
    source = {"path_config_source": {"path": str(folder / "listeners.json")}}
    bootstrap = {
        "node": {"id": "one", "cluster": "test"},
        "dynamic_resources": {"lds_config": {"resource_api_version": "V3", **source}},
    }
    command = [envoy_binary(), "--config-yaml", json.dumps(bootstrap), "--use-dynamic-base-id"]
    command += ["--concurrency", "1", "-l", "info"]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True, errors="replace") as process:
        assert process.stderr is not None
        lines = []
        try:
            for line in process.stderr:
                lines.append(line)
                if f"add/update listener '{LAST}'" in line:
                    break
        finally:
            process.kill()
    return lines
