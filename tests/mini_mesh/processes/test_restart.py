from mini_mesh.processes.restart import RestartPolicy


def test_each_early_death_waits_longer_and_the_last_one_stays() -> None:
    policy = RestartPolicy(first=0.1, factor=2.0, longest=0.5, attempts=4)
    assert [policy.delay(lived=0.0) for _ in range(5)] == [0.1, 0.2, 0.4, 0.5, None]


def test_a_long_life_is_forgiven() -> None:
    policy = RestartPolicy(first=0.1, attempts=1, healthy_after=10.0)
    assert [policy.delay(lived) for lived in (0.0, 1.0, 10.0, 9.9)] == [0.1, None, 0.1, None]
