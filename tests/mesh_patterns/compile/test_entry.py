from mesh_patterns.compile.entry import local_cluster, unique
from mesh_patterns.draft import Filter
from mesh_patterns.model import Instance
from mesh_yaml.place import Place


def test_the_cluster_of_a_workload_is_no_name_of_a_service() -> None:
    assert local_cluster(Instance("web", "v1")) == "local:web-v1"


def test_a_filter_that_stands_on_several_edges_is_one_filter_of_the_listener() -> None:
    names = ("fault", "wasm.x", "fault", "fault.2")
    filters = [Filter("fault", name, None, Place("m.yaml")) for name in names]
    assert [each.name for each in unique(filters)] == ["fault", "wasm.x", "fault.2"]
