import pytest

from mini_mesh.echo.config import Call, EchoConfigError, Instance, decode, encode


def test_instances_survive_the_line() -> None:
    calls = (Call("ratings", "http://127.0.0.1:15001"),)
    instances = [Instance("reviews", "v1", 9081, calls=calls), Instance("greeter", "v2", 9, "grpc")]
    assert decode(encode(instances)) == instances
    assert encode(instances).count(b"\n") == 1


@pytest.mark.parametrize("line", [b"", b"{", b"1", b"[1]", b'[{"service": "a"}]', b'[{"x": 1}]'])
def test_a_line_that_is_no_config_is_refused(line: bytes) -> None:
    with pytest.raises(EchoConfigError, match="^no config: "):
        decode(line)
