from mesh_yaml.place import DocumentError, Place, Problem

HERE = Place("canary.yaml", 14, 22)


def test_a_place_reads_as_editors_and_compilers_write_it() -> None:
    assert str(HERE) == "canary.yaml:14:22"
    assert str(Place("canary.yaml")) == "canary.yaml:1:1"


def test_places_are_in_the_files_order() -> None:
    places = [Place("b", 1, 1), Place("a", 10, 1), Place("a", 9, 2), Place("a", 9, 1)]
    assert [str(place) for place in sorted(places)] == ["a:9:1", "a:9:2", "a:10:1", "b:1:1"]


def test_a_warning_says_that_it_is_one() -> None:
    assert str(Problem(HERE, "unknown key 'x'")) == "canary.yaml:14:22: unknown key 'x'"
    assert str(Problem(HERE, "ignored", warning=True)) == "canary.yaml:14:22: warning: ignored"


def test_an_error_is_its_problems_a_line_each() -> None:
    error = DocumentError([Problem(HERE, "one"), Problem(Place("b"), "two")])
    assert str(error) == "canary.yaml:14:22: one\nb:1:1: two"
    assert DocumentError.at(HERE, "one").problems == (Problem(HERE, "one"),)
