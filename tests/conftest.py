"""Options that all tests share."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, settings

pytest_plugins = ["pytester"]

# a machine with much else to do is slow, and no defect
settings.register_profile("meshloom", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("meshloom")


# Files that take longest, first: whoever works beside one of them has something left to do.
LONG = ("tests/test_examples.py", "tests/test_samples.py")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Long files first, the rest as they came; ``--no-loadscope-reorder`` has xdist keep to it."""
    rank = {name: at for at, name in enumerate(LONG)}
    items.sort(key=lambda item: rank.get(item.nodeid.partition("::")[0], len(LONG)))


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--update-golden", action="store_true", help="rewrite the expected files of golden tests"
    )


@pytest.fixture
def update_golden(request: pytest.FixtureRequest) -> bool:
    """Whether golden files are to be rewritten."""
    return bool(request.config.getoption("--update-golden"))
