from mesh_yaml.suggest import suggest


def test_a_suggestion_is_the_nearest_or_all_or_nothing() -> None:
    assert suggest("rate", ["rates", "x"]) == "; did you mean 'rates'?"
    assert suggest("q", ["rates", "x"]) == "; there is 'rates', 'x'"
    assert suggest("q", []) == ""
