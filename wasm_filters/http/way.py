"""One direction of one exchange through all filters: Envoy's filter iteration.

What a filter answers decides where the parts go next; what it held back goes on when it resumes.

Rule 1: a part goes to each filter in turn until one stops; the next part starts at the first
filter again and ends where the iteration is stopped.
Rule 2: a filter that stopped at its headers and then lets a body pass lets the headers go first.
Rule 3: one buffer per direction holds what waits, whoever made it wait. Above the limit the sender
is made to wait if the filter streams (watermark), else the exchange ends with an error.
Rule 4: a local reply ends the iteration of the request where it is.

Source: envoy, source/common/http/filter_manager.cc; compared with Envoy 1.40 in
tests/wasm_filters.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from wasm_filters.http.direction import REQUEST, Direction, Iteration
from wasm_filters.state.buffer import Buffer
from wasm_filters.state.header_map import HeaderMap

CONTINUE = Iteration.CONTINUE
STOP = Iteration.STOP


class HttpFilter(Protocol):
    """A filter as the iteration sees it. Each answers how to go on."""

    def headers(self, way: Way, ends: bool, /) -> Iteration: ...

    def data(self, way: Way, data: Buffer, ends: bool, /) -> DataAnswer: ...

    def trailers(self, way: Way, /) -> Iteration: ...

    def metadata(self, way: Way, elements: int, /) -> None: ...


class DataAnswer:
    """How to go on after a piece of a body: ``keeps`` the piece, as ``streams`` says."""

    __slots__ = ("continues", "keeps", "streams")

    def __init__(self, continues: bool, keeps: bool, streams: bool) -> None:
        self.continues = continues
        self.keeps = keeps
        self.streams = streams


DATA_CONTINUE = DataAnswer(True, False, False)
DATA_BUFFER = DataAnswer(False, True, False)
DATA_WATERMARK = DataAnswer(False, True, True)
DATA_DROP = DataAnswer(False, False, False)


class Sink(Protocol):
    """Behind the last filter: the upstream of a request, the client of a response."""

    def headers(self, way: Way, ends: bool, /) -> None: ...

    def data(self, way: Way, data: Buffer, ends: bool, /) -> None: ...

    def trailers(self, way: Way, /) -> None: ...


class Owner(Protocol):
    """The exchange that a way belongs to."""

    def over(self, way: Way, /) -> bool:
        """Nothing more goes this way: it was answered, reset or aborted."""
        ...

    def aborted(self, way: Way, /) -> bool:
        """A local reply came while a filter ran; if so, it is sent now."""
        ...

    def too_much(self, way: Way, /) -> None:
        """More is held than the limit allows, and nobody can be made to wait."""
        ...


class Stage:
    """One filter's place on a way. ``stopped_at`` names the callback that stopped it last."""

    __slots__ = ("at", "ended", "filter", "from_here", "headers_passed", "state", "stopped_at")

    def __init__(self, at: int, filter_: HttpFilter) -> None:
        self.at = at
        self.filter = filter_
        self.state: Iteration = CONTINUE
        self.headers_passed = False
        self.ended = False
        self.from_here = False
        self.stopped_at = ""

    @property
    def stops_all(self) -> bool:
        return self.state > STOP


class Way:
    """The parts of one message on their way. ``complete``: all of it has come in.

    ``held`` is what waits (None until something did); ``streams`` says how.
    """

    __slots__ = (
        "calling", "complete", "direction", "headers", "held", "limit", "owner", "pending_metadata",
        "sink", "stages", "streams", "trailers",
    )  # fmt: skip

    def __init__(
        self,
        direction: Direction,
        filters: Sequence[HttpFilter],
        sink: Sink,
        owner: Owner,
        limit: int,
    ) -> None:
        self.direction = direction
        self.stages = [Stage(at, one) for at, one in enumerate(filters)]
        self.sink = sink
        self.owner = owner
        self.limit = limit
        self.headers = NOTHING
        self.trailers: HeaderMap | None = None
        self.held: Buffer | None = None
        self.streams = False
        self.complete = False
        self.calling = False
        self.pending_metadata: list[int] = []

    # what comes in

    def start(self, headers: HeaderMap, ends: bool) -> None:
        self.headers = headers
        self.complete = ends
        self._headers(0, ends)

    def more(self, data: Buffer, ends: bool) -> None:
        self.complete = self.complete or ends
        self._data(0, data, ends)

    def finish(self, trailers: HeaderMap) -> None:
        self.trailers = trailers
        self.complete = True
        self._trailers(0)

    def note(self, elements: int) -> None:
        """A METADATA frame with so many elements; it waits while the headers do."""
        for stage in self.stages:
            if not stage.headers_passed and stage.state is not CONTINUE:
                self.pending_metadata.append(elements)
                return
            stage.filter.metadata(self, elements)

    @property
    def is_full(self) -> bool:
        """The sender has to wait."""
        return self.held is not None and len(self.held) > self.limit

    # through the filters

    def _headers(self, first: int, ends: bool) -> None:
        stages = self.stages
        for at in range(first, len(stages)):
            stage = stages[at]
            stage.ended = ends
            self.calling = True
            state = stage.filter.headers(self, ends)
            self.calling = False
            if self.owner.aborted(self):
                return
            if state is not CONTINUE:
                stage.state = state
                stage.stopped_at = self.direction.on_headers
                return
            stage.headers_passed = True
        self.sink.headers(self, ends)

    def _data(self, first: int, data: Buffer, ends: bool) -> None:
        if self.owner.over(self):
            return
        had_trailers = self.trailers is not None
        made_at = -1
        for stage in self.stages[first:]:
            answer = self._shown(stage, data, ends)
            if answer is None:
                return
            if made_at < 0 and not had_trailers and self.trailers is not None:
                ends, made_at = False, stage.at
            if not self._goes_on(stage, answer, data):
                if self.direction is REQUEST:
                    self._made_trailers(made_at)  # Envoy does not wait for the body here
                return
        self.sink.data(self, data, ends)
        self._made_trailers(made_at)

    def _shown(self, stage: Stage, data: Buffer, ends: bool) -> DataAnswer | None:
        """The filter's answer to a piece; None if it gets none, or all is over."""
        if stage.stops_all:
            self._wait(stage, data)
        if stage.stops_all or stage.ended:
            return None
        stage.ended = ends and self.trailers is None
        self.calling = True
        answer = stage.filter.data(self, data, stage.ended)
        self.calling = False
        return None if self.owner.aborted(self) else answer

    def _wait(self, stage: Stage, data: Buffer) -> None:
        """Keep ``data`` for a filter that has stopped everything."""
        self.streams = stage.state is Iteration.STOP_ALL_AND_WATERMARK
        self.hold(data)

    def _goes_on(self, stage: Stage, answer: DataAnswer, data: Buffer) -> bool:
        if answer.continues:
            if stage.state is not STOP:
                return True
            self.hold(data)
            self.resume(stage)
            return False
        stage.state = STOP
        stage.stopped_at = self.direction.on_body
        if answer.keeps:
            self.streams = answer.streams
            self.hold(data)
        elif self.complete and self.trailers is None and self.held is None:
            self.held = Buffer(mutable=True)  # so that resuming still tells the end
        return False

    def _made_trailers(self, at: int) -> None:
        """Show trailers that the filter at ``at`` made to those behind it; -1: there are none."""
        if at < 0:
            return
        self._trailers(at if self.stages[at].from_here else at + 1)

    def hold(self, data: Buffer) -> None:
        """Keep ``data`` with what waits; what is held already stays as it is."""
        held = self.held
        if held is None:
            held = self.held = Buffer(mutable=True)
        if held is not data:
            held.data += data.take()
            if len(held) > self.limit and not self.streams:
                self.owner.too_much(self)

    def _trailers(self, first: int) -> None:
        if self.owner.over(self):
            return
        stages = self.stages
        for at in range(first, len(stages)):
            stage = stages[at]
            if stage.stops_all:
                return
            self.calling = True
            state = stage.filter.trailers(self)
            self.calling = False
            stage.ended = True
            if self.owner.aborted(self):
                return
            if state is not CONTINUE:
                if stage.state is CONTINUE:
                    stage.state = STOP
                stage.stopped_at = self.direction.on_trailers
                return
            if stage.state is STOP:
                self.resume(stage)
                return
        self.sink.trailers(self)

    def resume(self, stage: Stage) -> None:
        """Go on from ``stage`` with whatever has come so far."""
        if self.owner.over(self):
            return
        stage.from_here = stage.from_here or stage.stops_all
        stage.state = CONTINUE
        if not stage.headers_passed:
            stage.headers_passed = True
            whole = self.complete and self.held is None and self.trailers is None
            self._headers(stage.at + 1, whole)
        self._note_pending()
        first = stage.at if stage.from_here else stage.at + 1
        had_trailers = self.trailers is not None
        if self.held is not None:
            self._data(first, self.held, self.complete and not had_trailers)
        if had_trailers:
            self._trailers(first)
        stage.from_here = False

    def _note_pending(self) -> None:
        pending, self.pending_metadata = self.pending_metadata, []
        for elements in pending:
            self.note(elements)


NOTHING = HeaderMap()
