"""A body, opened, searched and closed again: as it came where nothing was found, else with marks."""

from __future__ import annotations

from dataclasses import dataclass, replace

from mesh_traffic import Body, Headers
from tap.redact.context import Context
from tap.redact.kinds import Kind, kind_of, opened_as
from tap.redact.opened import Opened, Told, opened
from tap.redact.repeats import Repeats, TooManySecrets

UNDONE = "x-undone-content-encoding"  # stands for the content-encoding of a body that is kept decoded


@dataclass(slots=True)
class Opening:
    """A body on its way: ``data`` is what is left of ``it`` so far."""

    body: Body
    it: Opened
    kind: Kind
    data: bytes
    overflowed: bool = False

    @classmethod
    def of(cls, body: Body, told: Told, context: Context) -> Opening:
        """``body`` without what the rules find in it."""
        it = opened(body, told)
        it, kind = opened_as(it, told, kind_of(told.type))
        before, context.overflowed = context.overflowed, False
        data = kind.clean(it, context) if it.data else it.data
        overflowed, context.overflowed = context.overflowed, before
        return cls(body, it, kind, data, overflowed)

    def closed(self, repeats: Repeats) -> Body:
        """The body without ``repeats`` as well."""
        if self.it.withheld:
            return withheld(self.body, self.it.withheld)
        try:
            data = self._without(repeats) if repeats else self.data
        except TooManySecrets as many:
            return withheld(self.body, str(many))
        if data == self.it.data and not self.it.must and not self.overflowed:
            return self.body
        cut = self.body.truncated or self.it.cut or self.overflowed
        size = self.body.size
        if self.it.undone:
            size = None if cut else len(self.it.data)
        return Body(self.it.wrap(data), cut, size)

    def _without(self, repeats: Repeats) -> bytes:
        data = repeats.replaced(self.data, self.kind.render)
        if self.it.cut or self.overflowed:
            return repeats.without_beginning(data, self.kind.render)
        return data


def withheld(body: Body, why: str) -> Body:
    """In the place of a body that may hold secrets that nobody can look for."""
    return Body(f"[redacted: {why}]".encode(), True, body.size)


def without_coding(headers: Headers, before: Body, after: Body, told: Told) -> Headers:
    """``headers`` that fit ``after``: a body that is kept decoded has no ``content-encoding``."""
    if after is before or not told.codings:
        return headers
    return replace(
        headers,
        fields=tuple(
            (UNDONE if name.lower() == "content-encoding" else name, value)
            for name, value in headers
        ),
    )
