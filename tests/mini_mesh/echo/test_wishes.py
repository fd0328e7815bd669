from __future__ import annotations

import pytest

from mini_mesh.echo.config import Instance
from mini_mesh.echo.wishes import MAX_WAIT, Wishes, handed_on, wishes

V2 = Instance("shop", "v2", 1)


@pytest.mark.parametrize(
    ("fields", "wished"),
    [
        ([], Wishes()),
        ([("X-Meshloom-Wait", "0.3")], Wishes(0.3)),
        ([("x-meshloom-wait", "shop=1"), ("x-meshloom-status", "503")], Wishes(1.0, 503)),
        ([("x-meshloom-wait", "web=2, shop/v2=0.5")], Wishes(0.5)),
        ([("x-meshloom-wait", "shop/v1=2, web=1")], Wishes()),
        ([("x-meshloom-wait", "1e9")], Wishes(MAX_WAIT)),
        ([("x-meshloom-wait", "-1"), ("x-meshloom-status", "42")], Wishes()),
        ([("x-meshloom-wait", "nan"), ("x-meshloom-status", "inf")], Wishes()),
        ([("x-meshloom-wait", "soon"), ("x-meshloom-status", "")], Wishes()),
    ],
)
def test_a_wish_is_for_whom_it_names_or_for_the_first(
    fields: list[tuple[str, str]], wished: Wishes
) -> None:
    assert wishes(V2, fields) == wished


def test_what_was_for_the_first_goes_no_further() -> None:
    fields = [("x-meshloom-wait", "1"), ("x-meshloom-status", "shop=503"), ("x-other", "1")]
    assert handed_on(fields) == fields[1:]
