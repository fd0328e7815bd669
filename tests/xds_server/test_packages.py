from __future__ import annotations

import pytest

from xds_server import protos
from xds_server.packages import LATER


@pytest.mark.parametrize("name", LATER)
def test_a_package_is_there_by_its_name_and_known_to_type_checkers(name: str) -> None:
    assert getattr(protos, name).__name__.endswith(LATER[name])
    assert name in protos.__all__
