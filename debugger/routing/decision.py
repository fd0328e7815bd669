"""What became of a request in a route table: the nouns of an answer, each with where it stands.

Every ``path`` is a field path within the ``RouteConfiguration``, such as
``virtual_hosts[0].routes[1].match.headers[0]``: what ``Resource.place_of`` takes, to say which line
of a pattern made it. ``holds`` is ``None`` where only chance or a state that is not known decides.
They are made by the thousand, so they are msgspec's.
"""

from __future__ import annotations

from typing import Literal

from msgspec import Struct

from mesh_traffic import Request

HostKind = Literal["exact", "suffix", "prefix", "any"]  # also the order in which Envoy looks
Specifier = Literal[
    "cluster", "weighted_clusters", "cluster_header", "cluster_specifier_plugin", "inline_plugin"
]


class Condition(Struct, frozen=True, gc=False):
    """One condition of a route. ``text`` is what it wants, ``why`` what it found:
    ``header end-user: jason``, ``the header is absent``.
    """

    text: str
    holds: bool | None
    why: str
    path: str


class Destination(Struct, frozen=True):
    """A cluster that a request may go to.

    ``weight`` counts within :attr:`Forward.total`. ``cluster`` is ``None`` where nobody can say
    which it is; it is ``""`` where the header that names it is not there, and Envoy has none.
    """

    cluster: str | None
    path: str
    weight: int = 1


class Forward(Struct, frozen=True):
    """The request goes to a cluster. More than one destination: what decides is in ``why``."""

    by: Specifier
    destinations: tuple[Destination, ...]
    path: str
    why: str = ""
    total: int = 1
    not_found_status: int = 503  # Envoy's answer when it has no such cluster

    @property
    def cluster(self) -> str | None:
        """The cluster, where there is no doubt about it."""
        return self.destinations[0].cluster if len(self.destinations) == 1 else None


class Redirect(Struct, frozen=True):
    """Envoy answers with another place. ``location`` is ``None`` where it could not be told."""

    status: int
    location: str | None
    path: str
    why: str = ""


class Respond(Struct, frozen=True):
    """Envoy answers itself. ``body`` is ``None`` where a file or a format makes it."""

    status: int
    body: bytes | None
    path: str
    why: str = ""


class NonForwarding(Struct, frozen=True):
    """The route is for who does not forward: a gRPC server."""

    path: str
    why: str = ""


class NoRoute(Struct, frozen=True):
    """Envoy answers 404 with the flag NR: no virtual host, or no route of it."""

    why: str
    status: int = 404
    path: str = ""


class Unread(Struct, frozen=True):
    """What is done is in words that are not read here; ``why`` says which."""

    why: str
    path: str


Action = Forward | Redirect | Respond | NonForwarding | NoRoute | Unread


class RouteLook(Struct, frozen=True):
    """A route that was looked at. ``index`` counts from 0 within its virtual host.

    ``action`` is what it would do with this request, unless it does not match.
    """

    index: int
    name: str
    path: str
    conditions: tuple[Condition, ...]
    holds: bool | None
    action: Action | None = None

    @property
    def failed(self) -> Condition | None:
        """The first condition that does not hold."""
        return next((each for each in self.conditions if each.holds is False), None)

    @property
    def doubtful(self) -> tuple[Condition, ...]:
        """The conditions that chance or an unknown state decides."""
        return tuple(each for each in self.conditions if each.holds is None)


class HostChoice(Struct, frozen=True):
    """The virtual host that answers. ``domain`` is the one that matched, as it is configured."""

    index: int
    name: str
    domain: str
    kind: HostKind
    path: str  # of the virtual host
    domain_path: str
    why: str  # "host 'reviews' (exact)"


class Decision(Struct, frozen=True):
    """What became of a request.

    ``request`` is as the routes saw it: path normalised, port stripped, as the connection manager
    is told to. ``host`` is ``None`` when no virtual host answers; ``host_why`` says what was looked
    for. ``looked`` holds the routes in order, up to and with the first that surely matches; a brief
    decision leaves out those that do not match.
    ``unread`` are words about what stands in the table, was not looked at, and could change this.
    """

    request: Request
    authority: str  # what was compared with the domains
    host: HostChoice | None
    host_why: str
    looked: tuple[RouteLook, ...]
    action: Action | None  # of the route that is surely taken; None where it is in doubt
    unread: tuple[str, ...] = ()

    @property
    def matched(self) -> RouteLook | None:
        """The first route that surely matches, and is taken unless one before it is in doubt."""
        return next((look for look in self.looked if look.holds), None)

    @property
    def doubtful(self) -> tuple[RouteLook, ...]:
        """Routes before it that are taken if chance, or what is not known, wants it."""
        return tuple(look for look in self.looked if look.holds is None)

    @property
    def taken(self) -> RouteLook | None:
        """The route that is surely taken."""
        return None if self.doubtful else self.matched

    @property
    def undecided(self) -> tuple[str, ...]:
        """In words, all that chance or an unknown state decides: routes, clusters, the unread."""
        said = [f"{each.text}: {each.why}" for look in self.doubtful for each in look.doubtful]
        if isinstance(self.action, Forward) and self.action.cluster is None:
            said.append(self.action.why)
        if isinstance(self.action, Unread):
            said.append(self.action.why)
        return (*said, *self.unread)

    @property
    def possibilities(self) -> tuple[Action, ...]:
        """Every action that could be the one, in order; one where there is no doubt."""
        if self.action is not None:
            return (self.action,)
        taken = (*self.doubtful, self.matched)
        found = [look.action for look in taken if look is not None and look.action is not None]
        return (*found,) if self.matched else (*found, NoRoute("no route matches"))
