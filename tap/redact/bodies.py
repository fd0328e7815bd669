"""A body opened, searched and closed again: as it came where nothing was found, or with marks."""

from __future__ import annotations

from dataclasses import dataclass

from mesh_traffic import Body, Headers
from tap.redact.context import Context
from tap.redact.kinds import Kind, kind_of, opened_as
from tap.redact.marks import left_out
from tap.redact.opened import Opened, Told, opened
from tap.redact.repeats import Repeats

UNDONE = "x-meshloom-content-encoding"  # the name of the field once a body is kept decoded


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
        why = self.it.withheld or repeats.too_many
        if why:
            return Body(left_out(why), True, self.body.size)
        data = self._without(repeats)
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


def without_coding(headers: Headers, told: Told) -> Headers:
    """``headers`` that fit a body that was decoded: it has no ``content-encoding`` any more."""
    if not told.codings:
        return headers
    return Headers(
        tuple(
            (UNDONE if name.lower() == "content-encoding" else name, value)
            for name, value in headers
        )
    )
