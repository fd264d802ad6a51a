"""A simulated fleet: weekday traffic, holidays and gaps in the figures, under three policies.

Ours is the product's own policy (`sweep_rules`, marks, grace, the cap), swept every four hours. The peers are
what public cleaners do: missing figures are noughts, and the one that looks at health skips what failed.
Everything comes from one seed. A deletion is wrong if somebody asks the thing again later in the trace;
stale cost is what forgotten, failed and expired things bill after their last request, to the trace's end.
"""

from __future__ import annotations

import random
from bisect import bisect_left
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from shared.app import marks
from shared.app.sweep import _capped
from shared.domain import sweep as policy
from shared.domain import sweep_rules
from shared.domain.idle import Traffic
from shared.domain.recipe import Cost, Recipe
from shared.domain.run import State
from shared.domain.sweep import TAKEN, DeploymentFacts, EndpointFacts
from shared.domain.tags import EXPIRES, INSTALLATION, KEEP, RECIPE
from tests.domain.builders import NOON

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

DAY, HOUR, MINUTE = timedelta(days=1), timedelta(hours=1), timedelta(minutes=1)
STEP = 4 * HOUR
BEFORE = 30  # days of figures before the trace begins
HOURLY = 3.673
LIMITS = Recipe(cost=Cost(idle_hours=120, grace_hours=24, idle_action="delete"))
WEEKLY = Recipe(cost=Cost(idle_hours=400, grace_hours=24, idle_action="delete"))
KINDS = (  # of a hundred
    ("weekdays", 35),
    ("weekly", 5),
    ("monthly, kept", 3),
    ("forgotten before", 25),
    ("forgotten within", 15),
    ("failed", 8),
    ("not ours", 5),
    ("without heartbeat", 2),
    ("expires", 2),
)
STALE = {"forgotten before", "forgotten within", "failed", "expires"}


@dataclass
class Thing:
    """One endpoint with one deployment. asked: minutes since the first; gaps: spans without figures."""

    name: str
    kind: str
    asked: list[int]
    gaps: list[tuple[int, int]]
    recipe: Recipe = LIMITS
    tags: dict[str, str] = field(default_factory=dict)
    state: str = "succeeded"
    made: int = 0
    beats: bool = True
    gone: int | None = None

    def seen(self, first: int, last: int) -> list[int]:
        """The minutes with a request that the figures show."""
        inside = self.asked[bisect_left(self.asked, first) : bisect_left(self.asked, last)]
        return [at for at in inside if not any(a <= at < b for a, b in self.gaps)]


class Fleet:
    """`count` endpoints over `days` days, made of one seed."""

    def __init__(self, count: int = 200, days: int = 90, seed: int = 8) -> None:
        chance = random.Random(seed)  # noqa: S311 - a trace, no secret
        self.first = NOON - timedelta(days=BEFORE)
        self.begin, self.end = BEFORE * 1440, (BEFORE + days) * 1440
        self.minutes = [self.first + n * MINUTE for n in range(self.end + 1)]
        self._closed = self._holidays(days)
        weights = [weight for _, weight in KINDS]
        kinds = chance.choices([kind for kind, _ in KINDS], weights, k=count)
        self.things = [self._make(f"e{n:03}", kind, chance) for n, kind in enumerate(kinds)]

    def _holidays(self, days: int) -> set[int]:
        """Three long weekends, and one closure of five days; by day of the trace."""
        mondays = [d for d in range(BEFORE + days) if (self.first + d * DAY).weekday() == 0]
        single = set(mondays[3::4][:3])
        thursday = next(
            d for d in range(BEFORE + days // 2, BEFORE + days) if (self.first + d * DAY).weekday() == 3
        )
        return single | {thursday, thursday + 1}

    def _make(self, name: str, kind: str, chance: random.Random) -> Thing:
        made = chance.randrange(0, self.begin - 1440) if kind != "forgotten within" else 0
        thing = Thing(name, kind, [], self._gaps(chance), made=made, tags={INSTALLATION: "us", RECIPE: "r"})
        last = self.end
        if kind == "forgotten before":
            last = chance.randrange(made, self.begin)
        elif kind in {"forgotten within", "expires"}:
            last = chance.randrange(self.begin, self.end)
        if kind in {"weekly", "monthly, kept"}:
            every = 7 if kind == "weekly" else 30
            thing.asked = [d * 1440 + 600 for d in range(chance.randrange(every), self.end // 1440, every)]
            thing.recipe = WEEKLY
        elif kind != "failed":
            thing.asked = [at for at in self._weekdays(chance) if made < at < last]
        if kind == "monthly, kept":
            thing.tags[KEEP] = "the monthly report"
        if kind == "expires":
            thing.tags[EXPIRES] = (self.first + last * MINUTE).isoformat()
        if kind == "not ours":
            thing.tags = {"team": "b"}
        thing.beats = kind != "without heartbeat"
        if kind == "failed":
            thing.state, thing.made = "failed", chance.randrange(self.begin, self.end)
        return thing

    def _weekdays(self, chance: random.Random) -> Iterable[int]:
        """Some requests an hour from eight to six, on days that are neither weekend nor holiday."""
        busy = chance.uniform(0.5, 6)
        for day in range(self.end // 1440):
            if (self.first + day * DAY).weekday() >= 5 or day in self._closed:
                continue
            count = max(1, round(busy * 10 * chance.uniform(0.5, 1.5)))
            yield from sorted(day * 1440 + 480 + chance.randrange(600) for _ in range(count))

    def _gaps(self, chance: random.Random) -> list[tuple[int, int]]:
        """One to three gaps of an hour to a day, in which no figure comes in."""
        begins = [chance.randrange(self.end) for _ in range(chance.randrange(1, 4))]
        return [(at, at + chance.randrange(60, 1440)) for at in begins]


@dataclass(frozen=True)
class Outcome:
    """What a policy came to. costs in dollars."""

    policy: str
    taken: int
    wrong: int
    stale: float
    saved: float

    @property
    def share(self) -> float:
        return self.saved / self.stale


def run(fleet: Fleet, name: str, sweep: Callable[[Fleet, list[Thing], int], set[str]]) -> Outcome:
    """Let one policy sweep the fleet from begin to end, and count what came of it."""
    for thing in fleet.things:
        thing.gone = None
    for at in range(fleet.begin, fleet.end, STEP // MINUTE):
        there = [thing for thing in fleet.things if thing.gone is None and thing.made <= at]
        for gone in sweep(fleet, there, at):
            next(thing for thing in there if thing.name == gone).gone = at
    stale = saved = 0.0
    for thing in fleet.things:
        if thing.kind not in STALE:
            continue
        dead = max(thing.asked[-1] if thing.asked else thing.made, fleet.begin)
        stale += (fleet.end - dead) * HOURLY / 60
        saved += (fleet.end - max(thing.gone, dead)) * HOURLY / 60 if thing.gone is not None else 0
    taken = [thing for thing in fleet.things if thing.gone is not None]
    wrong = [
        thing for thing in taken if thing.asked and thing.gone is not None and thing.asked[-1] > thing.gone
    ]
    return Outcome(name, len(taken), len(wrong), stale, saved)


class Ours:
    """The product's policy over the trace."""

    def __init__(self) -> None:
        self._book = marks.Book()

    def __call__(self, fleet: Fleet, there: list[Thing], at: int) -> set[str]:
        now = fleet.minutes[at]
        facts = {thing.name: self._look(fleet, thing, at) for thing in there}
        verdicts = [one for found in facts.values() for one in sweep_rules.judge(found, now)]
        timely = marks.with_grace(self._book, verdicts, facts, now)
        self._book = marks.after(self._book, verdicts, facts, (), now)
        plan = [
            one
            for name, found in facts.items()
            for one in policy.joined(found, [v for v in timely if v.endpoint == name])
        ]
        capped = _capped(plan, sum(found.ours for found in facts.values()), now)
        return {one.endpoint for one in capped if one.action == TAKEN}

    def _look(self, fleet: Fleet, thing: Thing, at: int) -> EndpointFacts:
        made = fleet.minutes[thing.made]
        deployment = DeploymentFacts(
            name="d",
            state=thing.state,
            tags={INSTALLATION: thing.tags.get(INSTALLATION, "")},
            created=made,
            traffic=Traffic(known=False),
            hourly_usd=HOURLY,
            run_state=State.LIVE,
        )
        facts = EndpointFacts(thing.name, "succeeded", thing.tags, made, "us", None, {"d": 100}, thing.recipe)
        facts = replace(facts, deployments=(deployment,))
        if not sweep_rules.asks_figures(facts, deployment, fleet.minutes[at]):
            return facts
        since = max(0, at - int(thing.recipe.cost.idle_hours * 60) - 2)
        requests = {fleet.minutes[n]: 1.0 for n in thing.seen(since, at)}
        traffic = Traffic(known=True, requests=requests)
        if not requests:
            traffic = replace(traffic, heartbeat=self._beats(fleet, thing, since, at))
        return replace(facts, deployments=(replace(deployment, traffic=traffic),))

    def _beats(self, fleet: Fleet, thing: Thing, since: int, at: int) -> list[datetime]:
        if not thing.beats:
            return []
        inside = [(max(a, since), min(b, at)) for a, b in sorted(thing.gaps) if a < at and b > since]
        beats, reached = list[datetime](), since
        for a, b in inside:
            beats += fleet.minutes[reached : max(a, reached)]
            reached = max(reached, b)
        return beats + fleet.minutes[reached:at]


def peer(days: int, *, healthy_only: bool) -> Callable[[Fleet, list[Thing], int], set[str]]:
    """Take what shows no request for some days; what has no figure counts as quiet."""

    def sweep(_fleet: Fleet, there: list[Thing], at: int) -> set[str]:
        return {
            thing.name
            for thing in there
            if "team" not in thing.tags
            and KEEP not in thing.tags
            and at - thing.made >= days * 1440
            and not (healthy_only and thing.state == "failed")
            and not thing.seen(at - days * 1440, at)
        }

    return sweep


def compare(fleet: Fleet) -> list[Outcome]:
    """Run the same trace under ours and the two peers."""
    return [
        run(fleet, "Droptune", Ours()),
        run(fleet, "idle for 15 days", peer(15, healthy_only=False)),
        run(fleet, "no request for 30 days, healthy only", peer(30, healthy_only=True)),
    ]
