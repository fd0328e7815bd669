"""A decision in words, for people: what a route wants, what became of it, what it does."""

from __future__ import annotations

from debugger.routing.decision import Action, Forward, NoRoute, Redirect, Respond, RouteLook
from debugger.routing.table import Route


def wanted(route: Route) -> str:
    """All conditions of a route: ``prefix /api, header end-user: 'jason'``."""
    return ", ".join(each.text for each in route.conditions)


def looked(look: RouteLook) -> tuple[str, str]:
    """What a route wanted, and whether it got it: ``header end-user: 'jason'``, ``no: the header
    is absent``. Of a route that fails, the first condition that does.
    """
    if look.failed is not None:
        return look.failed.text, f"no: {look.failed.why}"
    text = ", ".join(each.text for each in look.conditions)
    if look.holds:
        return text, "yes"
    return text, f"perhaps: {', '.join(each.why for each in look.doubtful)}"


def outcome(action: Action) -> str:
    """An action in a few words: ``reviews/v2``, ``90 reviews/v1, 10 reviews/v2``, ``404: ...``."""
    match action:
        case Forward(destinations=(only,)):
            return only.cluster or action.why
        case Forward():
            return ", ".join(f"{each.weight} {each.cluster or '?'}" for each in action.destinations)
        case Redirect():
            return f"{action.status} {action.location or action.why}"
        case Respond():
            return f"{action.status} {action.why}".rstrip()
        case NoRoute():
            return f"{action.status}: {action.why}"
    return action.why


def does(action: Action) -> str:
    """The same, of a route that no request has come to."""
    if isinstance(action, Redirect):
        return f"redirect {action.status}"
    return outcome(action)
