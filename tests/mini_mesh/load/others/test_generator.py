"""Programs that are installed send the same load, and what they say is understood."""

from __future__ import annotations

import shutil

import pytest

from mini_mesh.load.load import Load, LoadError, edge
from mini_mesh.load.others.generator import AUTO, GENERATORS, OWN, choose, drive
from tests.mini_mesh.load.serving import OK, serving

HERE = (edge("http://127.0.0.1:1/"),)


@pytest.mark.parametrize("name", [OWN, *GENERATORS])
async def test_each_sends_what_was_asked_for(name: str) -> None:
    if name != OWN and not shutil.which(name):
        pytest.skip(f"{name} is not installed")
    async with serving(lambda n: (0.0, OK)) as address:
        made = edge(f"http://{address}/a", method="POST", body=b"12", headers=[("x-a", "1")])
        result = await drive(name, Load((made,), 100.0, 0.8, 4, warm_up=0.2))
    assert 75 <= result.whole.statuses[200] <= 81
    assert 0 < result.whole.latency.quantile(0.5) < 50e6
    assert result.actual_rate == pytest.approx(100, rel=0.08)


@pytest.mark.parametrize("name", ["vegeta", "oha"])
async def test_others_are_corrected_too(name: str) -> None:
    """A stall on the only connection, as in the test of our own."""
    if not shutil.which(name):
        pytest.skip(f"{name} is not installed")
    async with serving(lambda n: (0.3 if n == 10 else 0.0, OK)) as address:
        load = Load((edge(f"http://{address}/"),), 200.0, 0.5, 1)
        result = await drive(name, load)
    slow = sum(count for ns, count in result.whole.latency.ordered() if ns > 50e6)
    assert slow >= 45


def test_auto_takes_only_who_is_open_loop(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "which", lambda name: f"/bin/{name}")
    assert choose(AUTO, Load(HERE, 1, 1, 1)) == "vegeta"
    assert choose(AUTO, Load(HERE, 1, 1, 1, arrivals="poisson")) == OWN
    assert choose("fortio", Load(HERE, 1, 1, 1)) == "fortio"


def test_without_others_it_is_our_own(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "which", lambda name: None)
    assert choose(AUTO, Load(HERE, 1, 1, 1)) == OWN
    with pytest.raises(LoadError, match="not installed"):
        choose("vegeta", Load(HERE, 1, 1, 1))


def test_an_unknown_one_is_named() -> None:
    with pytest.raises(LoadError, match="did you mean 'fortio'"):
        choose("forti", Load(HERE, 1, 1, 1))


def test_who_is_asked_for_what_it_cannot_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "which", lambda name: f"/bin/{name}")
    with pytest.raises(LoadError, match="one URL"):
        choose("fortio", Load(HERE * 2, 1, 1, 1))


async def test_a_program_that_fails_is_named(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(shutil, "which", lambda name: "/bin/false")
    with pytest.raises(LoadError, match="vegeta ended"):
        await drive("vegeta", Load(HERE, 1, 1, 1))
