"""``config:``: where the mesh's nodes stand with what the control plane has sent them."""

from __future__ import annotations

from typing import Literal

from mesh_yaml.spec import Text

STATES = ("acked", "refused", "unchanged", "changed", "warming")
State = Literal["acked", "refused", "unchanged", "changed", "warming"]

Config = dict[Text, State]
