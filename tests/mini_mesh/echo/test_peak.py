from mini_mesh.echo.peak import Peak


def test_the_most_that_were_in_at_once_are_told_and_forgotten() -> None:
    peak = Peak()
    with peak.one_more(), peak.one_more():
        pass
    with peak.one_more():
        assert peak.taken() == 2
        assert peak.taken() == 1  # who is in now counts still
    assert peak.taken() == 1
    assert peak.taken() == 0
