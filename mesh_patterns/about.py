"""What a pattern file says of itself: why one wants it, when, and what it costs."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from mesh_yaml.spec import SomeText, Spec

Area = Literal["I", "II", "III", "IV", "V", "VI"]


class AboutSpec(Spec):
    """``about:``, for who reads the file and for ``meshloom patterns``."""

    pattern: SomeText = Field(description="what it is called, in words")
    area: Area | None = Field(None, description="of the catalogue of service mesh patterns")
    intent: SomeText = Field(description="what one gets of it")
    when: SomeText = Field(description="when to use it, and when not")
    costs: SomeText = Field(description="what one pays for it")
