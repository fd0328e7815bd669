"""``config:``: where the mesh's nodes stand with what the control plane has sent them."""

from __future__ import annotations

from typing import Literal

from mesh_yaml.spec import OneOrMore, Text

State = Literal["acked", "refused", "unchanged", "changed", "warming", "settled"]
States = OneOrMore[State]
Config = dict[Text, States]
