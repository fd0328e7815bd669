"""``config:``: where the mesh's nodes stand with what the control plane has sent them."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BeforeValidator

from mesh_yaml.spec import ListOrOne, Text, one_or_more

State = Literal["acked", "refused", "unchanged", "changed", "warming", "settled"]
States = Annotated[list[State], BeforeValidator(one_or_more), ListOrOne()]
Config = dict[Text, States]
