import sys

import pytest

from mini_mesh.ports import Ports
from mini_mesh.processes.process import ProcessSpec
from mini_mesh.processes.ready import NotReady, wait_for_port
from mini_mesh.processes.supervisor import Supervisor

SERVE = """
import http.server, sys
http.server.HTTPServer(("127.0.0.1", int(sys.argv[1])), None).serve_forever()
"""


async def test_a_workload_is_ready_when_its_port_accepts() -> None:
    with Ports() as ports:
        port = ports.take()
        async with Supervisor() as supervisor:
            command = [sys.executable, "-c", SERVE, str(port)]
            await wait_for_port(await supervisor.start(ProcessSpec("page", command)), port)


async def test_a_run_that_dies_is_reported_at_once_with_its_last_lines() -> None:
    with Ports() as ports:
        port = ports.take()
        async with Supervisor() as supervisor:
            process = await supervisor.start(ProcessSpec("page", "echo no config; exit 4"))
            with pytest.raises(NotReady) as failed:
                await wait_for_port(process, port)
    assert str(failed.value) == (
        f"page: exited with 4 before it could listen on port {port}\n  no config"
    )


async def test_a_run_that_never_listens_is_given_up() -> None:
    with Ports() as ports:
        port = ports.take()
        async with Supervisor() as supervisor:
            process = await supervisor.start(ProcessSpec("page", "sleep 60"))
            with pytest.raises(NotReady, match=f"^page: did not listen on port {port} within 0.05"):
                await wait_for_port(process, port, within=0.05)
