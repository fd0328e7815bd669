"""The hunt: many cases, and of each finding the shortest case that shows it.

Hypothesis makes the cases and shrinks what fails. It starts anew after each finding, which is not
looked for again, and whenever the filter has asked for something new by name. The same seed and
count find the same.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable
from dataclasses import dataclass, field
from time import monotonic
from typing import Any

from wasm_filters.fuzzing.attempt import HANG, Finding, Subject, attempt
from wasm_filters.fuzzing.draft import Draft
from wasm_filters.fuzzing.lexicon import Ears, Lexicon

BATCH = 100  # cases between two looks at what the filter asked for
MAX_FINDINGS = 10
MAX_SHRINKS = 400  # tries to make one case shorter
MAX_SLOW_SHRINKS = 25  # where each try takes as long as a hang
PLAIN: tuple[dict[str, Any], ...] = (
    {"request": {"path": "/"}},
    {"request": {"path": "/", "body": {"text": "x"}}, "upstream": {"body": {"text": "x"}}},
)
_SEEDS = 1_000_003  # batches of one seed that have seeds of their own
_STORAGE = "HYPOTHESIS_STORAGE_DIRECTORY"


@dataclass(frozen=True, slots=True)
class Found:
    """A finding, the shortest case that shows it, and after how many cases it came."""

    finding: Finding
    draft: Draft
    after: int


@dataclass(slots=True)
class Report:
    """What a hunt has found in ``cases`` cases; ``shrinks`` are tries beside them."""

    found: list[Found] = field(default_factory=list)
    cases: int = 0
    shrinks: int = 0


class Hit(Exception):
    """Raised by a case that fails, for hypothesis to shrink."""


@dataclass(slots=True)
class Hunt:
    """``count`` cases, or all that can be tried in ``seconds``, or until ``most`` findings;
    ``progress`` hears of each."""

    subject: Subject
    lexicon: Lexicon
    seed: int = 0
    count: int | None = 1000
    seconds: float | None = None
    most: int = MAX_FINDINGS
    progress: Callable[[Report], None] = lambda report: None
    report: Report = field(default_factory=Report, init=False)
    _ends: float = field(default=0.0, init=False)

    def run(self) -> Report:
        with tempfile.TemporaryDirectory() as folder:
            os.environ.setdefault(_STORAGE, folder)  # nothing is left in the current folder
            self._ends = monotonic() + self.seconds if self.seconds is not None else 0.0
            self._plain()
            batch = 0
            while not self.is_over():
                self._batch(batch)
                batch += 1
        return self.report

    def is_over(self) -> bool:
        """Enough was tried, or found."""
        if len(self.report.found) >= self.most:
            return True
        if self.seconds is not None:
            return monotonic() >= self._ends
        return self.report.cases >= (self.count or 0)

    def _plain(self) -> None:
        """The plainest requests, first: what the filter asks for by name is soon known."""
        ears = Ears(self.lexicon)
        known = set()
        for step in PLAIN:
            draft = Draft([step])
            self.report.cases += 1
            finding = attempt(self.subject, draft, ears)
            if finding is not None and finding.key not in known:
                known.add(finding.key)
                self.report.found.append(Found(finding, draft, self.report.cases))

    def _batch(self, number: int) -> None:
        from wasm_filters.fuzzing.strategies import drafts

        size = BATCH
        if self.seconds is None:
            size = max(1, min(BATCH, (self.count or 0) - self.report.cases))
        own = self.subject.config.configuration.decode("utf-8", "replace")
        batch = _Batch(self, Ears(self.lexicon))
        self._search(batch.tried, drafts(self.lexicon, own), number, size)
        if batch.shortest is not None and batch.finding is not None:
            self.report.found.append(Found(batch.finding, batch.shortest, batch.after))
        self.report.cases = max(self.report.cases, batch.begun + 1)  # an empty strategy ends, too

    def _search(self, test: Callable[[Any], None], drafts: Any, number: int, size: int) -> None:
        import hypothesis as hy

        settings = hy.settings(
            max_examples=size,
            database=None,
            deadline=None,
            report_multiple_bugs=False,
            phases=(hy.Phase.generate, hy.Phase.shrink),
            suppress_health_check=list(hy.HealthCheck),
            verbosity=hy.Verbosity.quiet,
        )
        seeded = hy.seed(self.seed * _SEEDS + number)
        run: Callable[[], None] = seeded(settings(hy.given(drafts)(test)))  # type: ignore[no-untyped-call] # hypothesis.seed has no types
        try:
            run()
        except Hit:
            return  # the batch knows


class _Batch:
    """One run of hypothesis: it ends with the first finding, once that is short."""

    def __init__(self, hunt: Hunt, ears: Ears) -> None:
        self._hunt = hunt
        self._ears = ears
        self._known = {found.finding.key for found in hunt.report.found}
        self._failing: set[str] = set()
        self._tries = 0
        self.begun = hunt.report.cases
        self.after = 0
        self.finding: Finding | None = None
        self.shortest: Draft | None = None

    def tried(self, draft: Draft) -> None:
        if self.finding is None:
            self._try_new(draft)
        elif draft.key in self._failing:
            self._hit(draft, self.finding)
        elif self._tries < (MAX_SLOW_SHRINKS if self.finding.kind == HANG else MAX_SHRINKS):
            self._try_shorter(draft)

    def _try_new(self, draft: Draft) -> None:
        hunt = self._hunt
        if hunt.is_over():
            return
        hunt.report.cases += 1
        hunt.progress(hunt.report)
        finding = attempt(hunt.subject, draft, self._ears)
        if finding is not None and finding.key not in self._known:
            self.after = hunt.report.cases
            self._hit(draft, finding)

    def _try_shorter(self, draft: Draft) -> None:
        self._tries += 1
        self._hunt.report.shrinks += 1
        self._hunt.progress(self._hunt.report)
        finding = attempt(self._hunt.subject, draft)
        if finding is not None and self.finding is not None and finding.key == self.finding.key:
            self._hit(draft, finding)

    def _hit(self, draft: Draft, finding: Finding) -> None:
        """The last that hypothesis asks for is the shortest."""
        self._failing.add(draft.key)
        self.finding, self.shortest = finding, draft
        raise Hit(str(finding))
