"""A field has one name today, and others that are understood."""

from __future__ import annotations

from mini_mesh.smp import messages as smp
from mini_mesh.smp.spelling import camel, spellings


def test_camel_is_protobufs_json_name() -> None:
    assert camel("lds_latency_ms") == "ldsLatencyMs"


def test_the_spec_s_name_comes_first() -> None:
    assert spellings("cpu_mcores") == ("cpu_mcores", "cpuMcores", "cpu_mCores", "cpuMCores")


def test_what_is_written_has_the_spec_s_names_and_no_zeros() -> None:
    told = smp.Proxies.model_validate({"cpu_mCores": 5, "count": 0}).plain()
    assert told == {"cpu_mcores": 5}
