"""Responses of two exchanges: status, headers, trailers, and bodies as what they mean."""

from __future__ import annotations

from collections.abc import Iterator
from hashlib import sha256
from itertools import islice

from mesh_traffic import Body, Exchange, Headers, Response
from tap.coding import codings_of, undo
from tap.compare.nouns import Comparison, Difference, cut
from tap.compare.rules import BODY, MASKED, STATUS, Rules
from tap.compare.values import Values, grouped, lines_differ
from tap.content import Schema, View, view

MAX_DIFFERENCES = 1_000  # of two responses; what is beyond is not looked for

# Said by the status and the messages, which are compared; some clients do not tell them.
GRPC_OWN = frozenset(
    ("content-type", "grpc-status", "grpc-message", "grpc-status-details-bin")
    + ("grpc-encoding", "grpc-accept-encoding", "accept-encoding")
)
_BINARY = "binary"


def compare(
    before: Exchange, after: Exchange, rules: Rules, schema: Schema | None = None
) -> Comparison:
    """What differs between the responses of two exchanges; ``before`` is a capture, which may be
    cut or have none. Hand in redacted ones: differences are shown. Never raises."""
    old, new = before.response, after.response
    if old is None or new is None:
        return _one_side(old, new)
    notes: list[str] = []
    found = _Responses(before, after, rules, schema, notes)
    differences = list(islice(found.differ(old, new), MAX_DIFFERENCES + 1))
    if len(differences) > MAX_DIFFERENCES:
        notes.append(f"only the first {MAX_DIFFERENCES:,} differences are told")
        del differences[MAX_DIFFERENCES:]
    counting = tuple(each for each in differences if not each.ignored)
    ignored = tuple(each for each in differences if each.ignored)
    if any(each.ignored == MASKED for each in ignored):
        notes.append("what is masked can't be compared")
    return Comparison(counting, ignored, tuple(notes))


def _one_side(old: Response | None, new: Response | None) -> Comparison:
    if old is None and new is None:
        return Comparison(notes=("neither has a response",))
    return Comparison((Difference("response", "", _status(old), _status(new)),))


def _status(response: Response | None) -> str | None:
    return None if response is None else str(response.status)


class _Responses:
    def __init__(
        self,
        before: Exchange,
        after: Exchange,
        rules: Rules,
        schema: Schema | None,
        notes: list[str],
    ) -> None:
        self._before, self._after = before, after
        self._rules, self._schema, self._notes = rules, schema, notes
        self._head = before.request.method == after.request.method == "HEAD"

    def differ(self, old: Response, new: Response) -> Iterator[Difference]:
        if old.status != new.status:
            rule = STATUS if STATUS in self._rules.words else ""
            yield Difference("status", "", str(old.status), str(new.status), rule)
        grpc = all(_is_grpc(one) for one in (old, new))
        own = GRPC_OWN if grpc else frozenset()
        if old.headers:
            yield from self._fields("header", old.headers, new.headers, own)
            yield from self._fields("trailer", old.trailers, new.trailers, own)
        else:
            self._notes.append("no headers were captured")
        if not self._head and (grpc or not _are_equal(old, new)):
            yield from self._bodies(old, new)

    def _fields(
        self, part: str, old: Headers, new: Headers, own: frozenset[str]
    ) -> Iterator[Difference]:
        """Names in any order; the values of one name in theirs (RFC 9110, section 5.3)."""
        left, right = (grouped((n.lower(), value) for n, value in them) for them in (old, new))
        for name in dict.fromkeys([*left, *right]):
            before, after = left.get(name, []), right.get(name, [])
            if before == after or name in own:
                continue
            rule = self._rule(name, before, after)
            yield Difference(part, name, _joined(before), _joined(after), rule)

    def _rule(self, name: str, before: list[str], after: list[str]) -> str:
        if self._head and name == "content-length":  # there is no body that would tell
            return ""
        if rule := self._rules.of_header(name):
            return rule
        if not before or not after:
            return ""
        return self._rules.of_texts("\n".join(before), "\n".join(after))

    def _bodies(self, old: Response, new: Response) -> Iterator[Difference]:
        whole = BODY if BODY in self._rules.words else ""
        for each in self._body(old, new):
            yield Difference(*_four(each), whole or each.ignored)

    def _body(self, old: Response, new: Response) -> Iterator[Difference]:
        """The captured body as far as it goes, and both if one could not be read to its end."""
        partly = old.body.truncated
        if partly:
            size = "an unknown number" if old.body.size is None else f"{old.body.size:,}"
            kept = f"{len(old.body.data):,} of {size}"
            self._notes.append(f"the captured body was cut, {kept} bytes were kept")
        if new.body.truncated:
            self._notes.append(f"of the new body {len(new.body.data):,} bytes were kept")
        one = view(self._before, "response", self._schema)
        other = view(self._after, "response", self._schema)
        if partly and not old.body.data:
            return
        yield from self._views(one, other, old, new, partly)

    def _views(
        self, one: View, other: View, old: Response, new: Response, partly: bool
    ) -> Iterator[Difference]:
        if one.value is not None and other.value is not None:
            yield from Values(self._rules, partly).differ(one.value, other.value)
        elif _BINARY in (one.kind, other.kind) or _family(one) != _family(other):
            if not (partly and _bytes(new).startswith(_bytes(old))):
                yield Difference("body", "", _told(one, old), _told(other, new))
        else:
            yield from lines_differ(one.text, other.text, self._rules, partly)
            if one.text == other.text and not partly and _bytes(old) != _bytes(new):
                yield Difference("body", "", _told(one, old), _told(other, new))


def _joined(values: list[str]) -> str | None:
    return cut(" | ".join(values)) if values else None


def _are_equal(old: Response, new: Response) -> bool:
    """Whether the bodies are the same bytes and nothing says that they mean something else: then
    they need not be read."""
    kind = ("content-type", "content-encoding")
    said = ([one.headers.get_all(name) for name in kind] for one in (old, new))
    whole = not old.body.truncated and not new.body.truncated
    return whole and old.body.data == new.body.data and next(said) == next(said)


def _four(each: Difference) -> tuple[str, str, str | None, str | None]:
    return each.part, each.at, each.before, each.after


def _family(shown: View) -> str:
    """``grpc`` of ``grpc shop.Cart/Add``; several JSON documents are not one."""
    return shown.kind.partition(" ")[0] if shown.kind.startswith("grpc") else shown.kind


def _bytes(response: Response) -> bytes:
    codings = codings_of(response.headers.get_all("content-encoding"))
    return undo(response.body.data, codings).data


def _told(shown: View, response: Response) -> str:
    """``png, 4,096 bytes, sha256 3f9a1c…``."""
    body: Body = response.body
    if not body.data:
        return "empty" if not body.truncated else "not kept"
    data = _bytes(response)
    return f"{shown.kind}, {len(data):,} bytes, sha256 {sha256(data).hexdigest()[:16]}…"


def _is_grpc(response: Response) -> bool:
    return (response.headers.get("content-type") or "").startswith("application/grpc")
