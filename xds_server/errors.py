"""What can go wrong, typed by whose fault it is.

``LocalXdsError``: what *we* were asked to serve can not be served; fix the resources.
``RemoteXdsError``: what a *client* sent can not be understood; its stream ends with ``status``,
everybody else's goes on.
"""

from __future__ import annotations

from collections.abc import Iterable


class XdsError(Exception):
    """Anything that the control plane refuses."""


class LocalXdsError(XdsError):
    """Our side's fault: a message, a resource or a snapshot that must not be sent."""


class RemoteXdsError(XdsError):
    """A client's fault. ``status`` is the name of the gRPC status code that it is told."""

    def __init__(self, message: str, status: str = "INVALID_ARGUMENT") -> None:
        super().__init__(message)
        self.status = status


class WireError(RemoteXdsError):
    """Bytes that are not the message which they should be, or a message that says nothing."""


class MessageError(LocalXdsError):
    """A typed message holds a value that its field can not have.

    ``path`` is the field's, from the message's own name down:
    ``Cluster.load_assignment.endpoints[0]``. ``reason`` says what was found and what was wanted.
    """

    def __init__(self, reason: str, path: Iterable[str] = ()) -> None:
        super().__init__(reason)
        self.reason = reason
        self._path = list(path)

    @property
    def path(self) -> str:
        return "".join(self._path).removeprefix(".")

    def under(self, segment: str) -> MessageError:
        """This error, seen from one level further up: ``".endpoints"``, ``"[0]"``."""
        self._path.insert(0, segment)
        return self

    def __str__(self) -> str:
        return f"{self.path}: {self.reason}" if self._path else self.reason


class ResourceError(LocalXdsError):
    """A message that is no xDS resource, or a resource without a name."""


class InconsistentSnapshot(LocalXdsError):
    """A snapshot refers to resources that it does not hold. ``missing`` names each of them."""

    def __init__(self, missing: Iterable[str]) -> None:
        self.missing = tuple(missing)
        super().__init__("; ".join(self.missing))
