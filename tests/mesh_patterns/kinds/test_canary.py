from __future__ import annotations

import pytest

from tests.mesh_patterns.conftest import Read, Refusal

MESH = """\
mesh: {services: {page: {calls: [web]}, web: {versions: {v1: , v2: }}, old: }}
patterns:
"""


def test_a_split_is_every_callers_or_one_callers(read: Read) -> None:
    draft = read(MESH + "- {pattern: canary, on: page -> web, weights: {v1: 90, old: 10}}")
    assert draft.edges["client", "web"].split is None
    split = draft.edges["page", "web"].split
    assert split is not None
    assert [(str(w.target), w.weight, str(w.place)) for w in split.value] == [
        ("web/v1", 90, "mesh.yaml:3:52"),
        ("old", 10, "mesh.yaml:3:61"),
    ]


def test_weights_that_do_not_add_up_are_told_with_the_place_of_each(refusal: Refusal) -> None:
    assert refusal(MESH + "- pattern: canary\n  on: web\n  weights:\n    v1: 90\n    v2: 20") == (
        "5:3: weights add up to 110, expected 100 (v1: 90 at 6:9, v2: 20 at 7:9)"
    )


@pytest.mark.parametrize(
    ("weights", "told"),
    [
        ("{}", "3:39: weights: expected at least one entry"),
        ("{v1: 100, v3: 0}", "3:49: 'web' has no version 'v3', and there is no service of that"),
        ("{v1: 110, v2: -10}", "3:53: a weight can't be negative, got -10"),
        ("{v1: 99.5, v2: 0.5}", "3:44: v1: expected a whole number, got 99.5"),
    ],
)
def test_weights_that_can_not_be_are_refused(refusal: Refusal, weights: str, told: str) -> None:
    assert refusal(f"{MESH}- {{pattern: canary, on: web, weights: {weights}}}").startswith(told)


@pytest.mark.parametrize("first", [True, False])
def test_the_canary_that_insists_wins(read: Read, first: bool) -> None:
    kept = "- {pattern: canary, on: web, override: true, weights: {v1: 100}}\n"
    lost = "- {pattern: canary, on: page -> web, weights: {v2: 100}}\n"
    draft = read(MESH + (kept + lost if first else lost + kept))
    split = draft.edges["page", "web"].split
    assert split is not None
    assert [str(weighted.target) for weighted in split.value] == ["web/v1"]


def test_two_canaries_that_disagree_are_refused_and_two_that_agree_are_not(
    read: Read, refusal: Refusal
) -> None:
    one = "- {pattern: canary, on: web, weights: {v1: 100}}\n"
    assert read(MESH + one + one)
    assert refusal(MESH + one + one.replace("v1", "v2")) == (
        "4:39: the split is set here and, differently, at 3:39; "
        "take one away, or give one of them 'override: true'"
    )


STEPPED = """\
mesh:
  services:
    web: {{versions: {{v1: , v2: , v3: }}}}
    db: {{protocol: tcp, versions: {{v1: , v2: }}}}
patterns:
- {{pattern: canary, on: {}, weights: {}, {}}}
"""


def test_the_version_that_is_named_last_grows(read: Read) -> None:
    text = STEPPED.format(
        "web", "{v1: 95, v2: 5}", "steps: [50, 100], rollback_when: {p99: '> 1s'}"
    )
    ((placed,), (stable, canary)) = (read(text).rollouts, ("web/v1", "web/v2"))
    rollout = placed.value
    assert (str(rollout.stable), str(rollout.canary)) == (stable, canary)
    assert rollout.steps == (5, 50, 100)
    assert rollout.every.total_seconds() == 30


@pytest.mark.parametrize(
    ("on", "weights", "keys", "told"),
    [
        ("web", "{v1: 50, v2: 50}", "steps: [50]", "6:3: steps grow, got 50, 50"),
        ("web", "{v1: 90, v2: 10}", "steps: [101]", "6:"),
        ("web", "{v1: 90, v2: 10}", "every: 1s", "6:3: every is about steps, and there are none"),
        (
            "web",
            "{v1: 80, v2: 10, v3: 10}",
            "steps: [20]",
            "6:3: steps are between two versions, got 3",
        ),
        (
            "db",
            "{v1: 90, v2: 10}",
            "steps: 20",
            "6:63: steps are judged by answers, and 'db' has none that Envoy sees",
        ),
    ],
)
def test_steps_that_lead_nowhere_are_refused(
    refusal: Refusal, on: str, weights: str, keys: str, told: str
) -> None:
    assert refusal(STEPPED.format(on, weights, keys)).startswith(told)
