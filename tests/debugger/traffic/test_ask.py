"""What Envoys are asked, of a mesh that runs: test_serve has it with traffic."""

from __future__ import annotations

import pytest

from debugger.admin.interface import AdminError
from debugger.traffic import ask


def test_admins_are_addresses_by_node() -> None:
    state = {"envoys": {"web": {"admin": "http://127.0.0.1:9"}}}
    assert ask.admins_of(state) == {"web": "127.0.0.1:9"}


async def test_nobody_there_is_said() -> None:
    with pytest.raises(AdminError, match="127.0.0.1:1/"):
        await ask.told({"web": "127.0.0.1:1"})
