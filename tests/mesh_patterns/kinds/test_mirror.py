from __future__ import annotations

import pytest

from mesh_patterns.draft import Mirror, Target
from tests.mesh_patterns.conftest import Read, Refusal

MESH = "mesh: {services: {web: {versions: {v1: , v2: }}, api: }}\npatterns:\n"


@pytest.mark.parametrize(
    ("options", "meant"),
    [
        ("to: v2", Mirror(Target("web", "v2"))),
        ("to: api, percent: 0", Mirror(Target("api"), 0)),
        ("to: web/v1, percent: 12.5%", Mirror(Target("web", "v1"), 12.5)),
    ],
)
def test_a_copy_goes_to_a_version_or_to_another_service(
    read: Read, options: str, meant: Mirror
) -> None:
    draft = read(f"{MESH}- {{pattern: mirror, on: web, {options}}}")
    assert draft.edges["client", "web"].settings["mirror"].value == (meant,)


def test_a_copy_for_nobody_is_refused_where_it_is_named(refusal: Refusal) -> None:
    assert refusal(MESH + "- {pattern: mirror, on: web, to: v3}").startswith(
        "3:34: 'web' has no version 'v3', and there is no service of that name"
    )
