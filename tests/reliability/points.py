"""Each point of a life times each kind of failure, in the manner of SQLite's tests of I/O errors.

A life is lived once to count its outside calls. Then it is lived again for each call N and each kind that
can befall it; time alone mends what is broken; then the invariants. What failed once, or for a while, must
end as it would have: the same states, the same things made. What fails for ever must end, or wait and say
why; when it is well again everything must come to its end.

SQLite, "How SQLite Is Tested", section 3.2: "the I/O error test [...] is run in a loop, the first time the
first I/O operation fails, then the second, and so forth".
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta
from functools import partial
from typing import TYPE_CHECKING

from shared.domain.run import State
from tests.reliability.invariants import broken
from tests.reliability.kinds import BY_NAME, KINDS
from tests.reliability.outside import Outside
from tests.reliability.tap import Fault

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from shared.domain.run import Run
    from tests.reliability.kinds import Kind
    from tests.reliability.seen import Seen
    from tests.reliability.stories import Story

A_WHILE, FOR_EVER = timedelta(minutes=20), timedelta(days=3650)
HEALED_AFTER = timedelta(hours=6)
MOST_TICKS = 1500
MOST_CALLS = 12  # times those of the undisturbed life: who makes more is going round in circles
CRASHES = {"unforeseen", "killed before"}
LASTING = {
    A_WHILE: [BY_NAME[name] for name in ("500", "429", "killed before")],
    FOR_EVER: [BY_NAME[name] for name in ("unforeseen", "500", "killed before", "403")],
}
LASTS = {None: "once", A_WHILE: "20 minutes", FOR_EVER: "for ever"}


@dataclass(frozen=True)
class End:
    """The runs' states in the order of their drops, and how many things were made."""

    paths: tuple[tuple[State, ...], ...]
    made: Mapping[str, int]

    def __str__(self) -> str:
        return f"{'; '.join(' '.join(path) for path in self.paths)}; {dict(self.made)}"


@dataclass(frozen=True)
class Life:
    """A life without a fault: its calls, and at each of them the runs' states. first: the first to be hurt.

    ends: how it ends, without the sweep and with it.
    """

    calls: tuple[str, ...]
    phases: tuple[str, ...]
    first: int
    ends: Mapping[bool, End]


@dataclass
class Outcome:
    """What came of one case. struck: how often; wrong: what must not be, in words.

    Nothing strikes where a stream is left before its end.
    """

    fault: Fault
    call: str
    struck: int = 0
    wrong: list[str] = field(default_factory=list)

    def __str__(self) -> str:
        where = f"call {self.fault.point} ({self.call}), {self.fault.kind} {LASTS[self.fault.lasts]}"
        return f"{where}:\n    " + "\n    ".join(self.wrong)


def count(story: Story) -> Life:
    """Live the story undisturbed; what is broken then is broken by itself."""
    ends, calls, phases = {}, list[str](), list[str]()
    for swept in (False, True):
        outside = Outside()
        calls, phases = outside.tap.calls, list[str]()
        outside.tap.listen = partial(_listen, outside, phases)
        seen, wrong = _live(story, outside, swept=swept)
        assert not wrong, wrong
        ends[swept] = _end(seen)
    first = next(place for place, phase in enumerate(phases) if story.since in phase)
    return Life(tuple(calls[: len(phases)]), tuple(phases), first, ends)


def _listen(outside: Outside, phases: list[str], _call: str) -> None:
    runs = sorted(outside.runs.values(), key=lambda run: run.place)
    phases.append(" ".join(f"{run.state}{'*' if run.closing else ''}" for run in runs))


def cases(story: Story, life: Life) -> Iterator[Fault]:
    """Give every point and kind; those that last at the first call of a name in each phase of the life."""
    kinds = [kind for kind in KINDS if story.whole or not kind.alike]
    known: set[tuple[str, str]] = set()
    for point in range(life.first, len(life.calls), story.every):
        call, phase = life.calls[point], life.phases[point]
        yield from (Fault(point, kind) for kind in kinds if kind.fits(call))
        if story.whole and (call, phase) not in known:
            known.add((call, phase))
            for lasts, kinds_of in LASTING.items():
                yield from (Fault(point, kind, lasts) for kind in kinds_of if _befalls(kind, call))


def _befalls(kind: Kind, call: str) -> bool:
    """Tell whether a call can fail so for long; a ledger that always crashes the code is no world."""
    return kind.fits(call) and not (kind.name in CRASHES and call.startswith("documents."))


def hurt(story: Story, life: Life, fault: Fault) -> Outcome:
    """Live the story with one fault, and look what came of it."""
    outside = Outside(fault)
    outcome = Outcome(fault, life.calls[fault.point])
    swept = _needs_the_sweep(fault)
    seen, outcome.wrong = _live(story, outside, swept=swept)
    outcome.struck = outside.tap.struck
    if outside.tap.struck_call != outcome.call:
        outcome.wrong.append(f"the harness: the call was {outside.tap.struck_call}")
    if not _may_end_it(fault):
        found, expected = _end(seen), life.ends[swept]
        if found.paths != expected.paths or (story.alike and found.made != expected.made):
            outcome.wrong.append(f"another life: {found}; expected {expected}")
        if len(outside.tap.calls) > MOST_CALLS * len(life.calls):
            outcome.wrong.append(f"{len(outside.tap.calls)} calls instead of {len(life.calls)}")
    return outcome


def _needs_the_sweep(fault: Fault) -> bool:
    """Tell whether something may be left for the sweep, as docs/reliability.md says.

    By a process that stood still and does late what it had begun; and where the clean-up itself crashes.
    """
    return fault.kind.others != "nothing" or _crashes_for_long(fault)


def _crashes_for_long(fault: Fault) -> bool:
    return fault.lasts is not None and fault.kind.name in CRASHES


def _may_end_it(fault: Fault) -> bool:
    """Tell whether the run may end of it: of what stays so, and of five crashes in a row."""
    return fault.lasts == FOR_EVER or fault.kind.mortal or _crashes_for_long(fault)


def _live(story: Story, outside: Outside, *, swept: bool) -> tuple[Seen, list[str]]:
    story.before(outside.life)
    wrong: list[str] = []
    play, healed = story.play(outside), False
    for _ in range(MOST_TICKS):
        try:
            next(play)
        except StopIteration:
            break
        since = outside.tap.since
        if not healed and since is not None and outside.life.at - since >= HEALED_AFTER:
            wrong += _waits(outside)
            outside.tap.heal()
            healed = True
        outside.tick()
    else:
        states = {run.name: f"{run.state}: {run.reason}" for run in outside.runs.values()}
        wrong.append(f"never came to rest: {states}")
    outside.tap.heal()
    outside.tap.listen = lambda _call: None
    seen = outside.a_day_later(swept=swept)
    wrong += [f"deleted while it may still have been answering: {name}" for name in _hasty(outside)]
    return seen, wrong + [str(one) for one in broken(seen)]


def _hasty(outside: Outside) -> list[str]:
    """Name what was deleted with its traffic; what the sweep takes was proven to be asked by nobody."""
    idle = {
        run.deployment
        for run in outside.runs.values()
        if any("rule" in change.figures for change in run.history if change.state is State.RETIRED)
    }
    return [name for name in outside.life.azureml.endpoints.hasty if name not in idle]


def _waits(outside: Outside) -> list[str]:
    """Look at a world in which something fails for ever: who has not ended must say why."""
    seen, call = outside.seen(settled=False), outside.tap.struck_call or ""
    swept = outside.tap.fault is not None and _needs_the_sweep(outside.tap.fault)
    found = [one for one in broken(seen) if not (swept and one.name == "nothing-bills")]
    wrong = [f"after hours of it: {one}" for one in found]
    silent = [run for run in seen.runs.values() if not run.ended and not _is_honest(run, call)]
    return wrong + [f"waits and does not say why: {run.name} is {run.state}: {run.reason}" for run in silent]


def _is_honest(run: Run, call: str) -> bool:
    """Tell whether a run says what it waits for; where the ledger itself is away it cannot be written.

    One that is ending says why it ends.
    """
    words = ("tries again", "waits for a person", "the figures of")
    return (
        run.closing is not None or run.reason.startswith(words) or call.startswith(("documents.", "steps."))
    )


def _end(seen: Seen) -> End:
    runs = sorted(seen.runs.values(), key=lambda run: run.place)
    things = {
        "jobs": seen.jobs,
        "models": seen.models,
        "endpoints": seen.endpoints,
        "deployments": seen.deployments,
    }
    made = {name: len(found) for name, found in things.items()}
    return End(tuple(tuple(change.state for change in run.history) for run in runs), made)
