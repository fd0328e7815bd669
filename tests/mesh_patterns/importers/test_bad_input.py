"""Files as strangers give them: cut off, huge, of another dialect. One line each, and soon."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from mesh_patterns.compile import compile_mesh
from mesh_patterns.importers.objects import APP_MESH, KUMA, POLICY
from mesh_patterns.load import load
from mesh_patterns.placement import Placement
from mesh_yaml.place import DocumentError, Problem

SAMPLES = Path(__file__).parents[4] / "shared" / "samples"
Refusal = Callable[..., str]
SECONDS = 15.0  # in which anything is read or refused, ten times what it takes
HEAD = "apiVersion: {}\nkind: {}\nmetadata: {{name: a}}\nspec:\n"
OBJECTS = [
    ("v1", "Service"),
    ("networking.istio.io/v1", "VirtualService"),
    ("networking.istio.io/v1", "DestinationRule"),
    ("networking.istio.io/v1", "Gateway"),
    ("security.istio.io/v1", "AuthorizationPolicy"),
    ("security.istio.io/v1", "PeerAuthentication"),
    ("linkerd.io/v1alpha2", "ServiceProfile"),
    ("policy.linkerd.io/v1beta3", "Server"),
    ("policy.linkerd.io/v1alpha1", "AuthorizationPolicy"),
    ("consul.hashicorp.com/v1alpha1", "ServiceRouter"),
    ("consul.hashicorp.com/v1alpha1", "ServiceIntentions"),
    *(("kuma.io/v1alpha1", kind) for kind in sorted(POLICY[KUMA])),
    *(("appmesh.k8s.aws/v1beta2", kind) for kind in sorted(POLICY[APP_MESH])),
]


def laughs(indent: str = "") -> str:
    """Nine lines that stand for a billion values."""
    lines = [f"{indent}a0: &a0 [x,x,x,x,x,x,x,x,x]"]
    for i in range(1, 10):
        lines.append(f"{indent}a{i}: &a{i} [{','.join([f'*a{i - 1}'] * 9)}]")
    return "\n".join(lines) + "\n"


def in_one_line(paths: Sequence[Path]) -> bool:
    """Whether files are imported, or refused in one line for each problem."""
    with contextlib.suppress(DocumentError):
        load(paths)
        return True
    return all("\n" not in str(each) for each in refused(paths))


def refused(paths: Sequence[Path]) -> Sequence[Problem]:
    with pytest.raises(DocumentError) as caught:
        load(paths)
    return caught.value.problems


def test_a_file_that_stands_for_too_much_is_refused(refusal: Refusal) -> None:
    start = time.monotonic()
    text = HEAD.format("v1", "Service") + laughs("  ")
    assert "stands for more than 500000 values" in refusal(text)
    assert time.monotonic() - start < SECONDS


def test_much_that_is_not_plain_is_refused_without_a_long_look(refusal: Refusal) -> None:
    start = time.monotonic()
    line = refusal(f"b: '{'c' * 4000}'\n---\n" * 600 + "a: [\n")
    assert "only plain YAML is read: no anchors, tags, tabs or mistakes" in line
    assert time.monotonic() - start < SECONDS


@pytest.mark.parametrize(("version", "kind"), OBJECTS, ids=lambda value: value.rpartition("/")[2])
def test_a_cut_off_object_is_imported_or_refused_in_one_line(
    tmp_path: Path, version: str, kind: str
) -> None:
    whole = HEAD.format(version, kind) + "  host: a\n  hosts: [a]\n  rules: [{to: [{}]}]\n"
    for end in range(0, len(whole), 17):
        path = tmp_path / "cut.yaml"
        path.write_text(whole[:end])
        assert in_one_line([path]), end


def test_cut_off_samples_are_imported_or_refused(tmp_path: Path) -> None:
    files = sorted(SAMPLES.rglob("*.yaml"))
    if not files:
        pytest.skip(f"{SAMPLES} is missing: the samples lie beside the project")
    path = tmp_path / "cut.yaml"
    for number, file in enumerate(files[::6]):
        data = file.read_bytes()
        if len(data) > 40_000:
            continue
        path.write_bytes(data[: len(data) * (number % 9 + 1) // 10])
        assert in_one_line([path]), file


def test_files_of_all_dialects_are_one_mesh_or_refused_in_one_line_each() -> None:
    """Some, each with the one after it, whatever dialect that is."""
    files = sorted(SAMPLES.rglob("*.yaml"), key=lambda file: file.name)
    if not files:
        pytest.skip(f"{SAMPLES} is missing: the samples lie beside the project")
    for one, other in zip(files[::6], files[1::6], strict=False):
        assert in_one_line([one, other]), (one, other)


def test_the_largest_sample_is_compiled_soon() -> None:
    """The number is measured in bench/; this is that nothing in it is out of proportion."""
    files = sorted(SAMPLES.rglob("*.yaml"), key=lambda file: file.stat().st_size)
    if not files:
        pytest.skip(f"{SAMPLES} is missing: the samples lie beside the project")
    start = time.monotonic()
    draft = load([files[-1]])
    compile_mesh(draft, Placement.imagined(draft.mesh))
    assert time.monotonic() - start < SECONDS


def test_anchors_aliases_and_many_documents_are_yaml_like_any_other(
    imported: Callable[..., object],
) -> None:
    text = """\
        apiVersion: networking.istio.io/v1
        kind: DestinationRule
        metadata: &m {name: a}
        spec: &s {host: a, trafficPolicy: {loadBalancer: {simple: RANDOM}}}
        ---
        # nothing
        ---
        apiVersion: networking.istio.io/v1
        kind: DestinationRule
        metadata: {name: b}
        spec: {host: b, trafficPolicy: &t {connectionPool: {http: {http2MaxRequests: 1}}}}
        """
    assert imported(text)


def test_an_api_version_that_nobody_knows_is_told(
    imported: Callable[..., object], told: Callable[..., list[str]]
) -> None:
    text = HEAD.format("networking.istio.io/v9", "DestinationRule") + "  {host: a}\n"
    assert any(
        "apiVersion 'networking.istio.io/v9' is not known: read as v1" in line
        for line in told(imported(text))
    )


def test_more_rules_than_can_stand_before_services_are_refused(refusal: Refusal) -> None:
    service = "---\napiVersion: v1\nkind: Service\nmetadata: {{name: s{}}}\n"
    policy = (
        "---\napiVersion: security.istio.io/v1\nkind: AuthorizationPolicy\n"
        "metadata: {{name: p{}}}\nspec: {{rules: [{{}}]}}\n"
    )
    text = "".join([service.format(i) for i in range(260)] + [policy.format(i) for i in range(100)])
    assert "more than 50000 rules before all services" in refusal(text)
