"""A check-up: points that are sound, broken, or not to be seen; each broken one says how to mend it."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import TYPE_CHECKING, Literal

import msgspec

from shared.domain import needed_roles, subscriptions

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from typing import Any

    from shared.domain.needed_roles import Grant
    from shared.domain.notice import Undelivered
    from shared.domain.survey import Finding

FUNCTIONS = frozenset(
    {"dataset_uploaded", "job_finished", "advance_run", "reconcile_runs", "clean_endpoints", "health"}
)
KEYS = frozenset({"blobs_extension", "eventgrid_extension"})
NO_CREDENTIAL = "none"
NOTICES_OF = timedelta(days=1)
AGAIN = "then: droptune doctor"
PROVISION = f"Make it again: azd provision, {AGAIN}"
WAIT = f"It does not answer just now: wait a minute, {AGAIN}"
SUBSCRIBE = f"Make it as it should be: azd hooks run postdeploy, {AGAIN}"
REDEPLOY = f"Deploy the code again: azd deploy, {AGAIN}"
RUNS_END = re.compile(r", then drop again(?: \([^)]*\)|: .*$)|, then: droptune retry \S+$")


class Point(msgspec.Struct, frozen=True):
    """One thing looked at. help: of a broken one, ends with the exact next command."""

    check: str
    state: Literal["ok", "broken", "unknown"]
    said: str
    help: str = ""


def ok(check: str, said: str) -> Point:
    """Say that it is as it should be."""
    return Point(check, "ok", said)


def broken(check: str, said: str, mend: str) -> Point:
    """Say what is wrong, and how to mend it."""
    return Point(check, "broken", said, mend)


def container(name: str, account: str, *, there: bool) -> Point:
    """Judge a container."""
    check = f"container {name}"
    command = f"az storage container create --auth-mode login --account-name {account} --name {name}"
    return ok(check, "is there") if there else broken(check, "is not there", f"Make it: {command}, {AGAIN}")


def queue(name: str, account: str, count: int | None) -> Point:
    """Judge a queue; in a poison queue nothing should lie."""
    check = f"queue {name}"
    if count is None:
        command = f"az storage queue create --auth-mode login --account-name {account} --name {name}"
        return broken(check, "is not there", f"Make it: {command}, {AGAIN}")
    if count and name.endswith("-poison"):
        said = f"holds {count} messages that failed five times"
        bring = (
            "See which and why: droptune requeue (docs/runbook.md); bring them back: droptune requeue --all"
        )
        return broken(check, said, f"{bring}, {AGAIN}")
    return ok(check, f"is there, {count} messages")


def notices(lost: Sequence[Undelivered]) -> Point:
    """Judge what people were to hear: a notice is tried for hours before it is given up."""
    if not lost:
        return ok("notices", "none was given up in the last day")
    last = max(lost, key=lambda one: one.at)
    said = "; ".join(sorted({why for one in lost for why in one.channels.values()}))
    channels = ", ".join(sorted({name for one in lost for name in one.channels}))
    return broken(
        "notices",
        f"{len(lost)} reached nobody in the last day, the last at {last.at:%F %R} UTC ({last.title}): {said}",
        f"Put an apprise URL that works into {channels} (droptune events tells what was missed), {AGAIN}",
    )


def running(app: str, address: str, state: str) -> Point:
    """Judge the Function App's state."""
    if state.lower() == "running":
        return ok("function app", f"{address} is running")
    return broken(
        "function app", f"{address} is {state}", f"Start it: az functionapp start --ids {app}, {AGAIN}"
    )


def functions(found: frozenset[str]) -> Point:
    """Judge what Azure has indexed."""
    lacking = sorted(FUNCTIONS - found)
    if lacking:
        return broken("functions", f"Azure has not indexed {', '.join(lacking)}", REDEPLOY)
    return ok("functions", f"{len(found)} are indexed")


def keys(found: frozenset[str]) -> Point:
    """Judge the extensions' keys, by name."""
    lacking = sorted(KEYS - found)
    if lacking:
        return broken("function keys", f"there is no system key {', '.join(lacking)}", REDEPLOY)
    return ok("function keys", f"{', '.join(sorted(KEYS))} are there")


def subscription(
    wanted: subscriptions.Subscription, found: Mapping[str, Any] | None, app: str, address: str
) -> Point:
    """Judge a subscription; None: there is none."""
    check = f"subscription {wanted.name}"
    if found is None:
        return broken(check, "is not there: drops and jobs wait for the timer", SUBSCRIBE)
    faults = subscriptions.faults(wanted, found, app, address)
    if faults:
        return broken(check, "; ".join(faults), SUBSCRIBE)
    return ok(check, f"lets {', '.join(wanted.types)} through to {wanted.function}")


def roles(grants: Iterable[Grant], account: str, workspace: str, principal: str) -> list[Point]:
    """Judge the app's roles: a point for each that is missing, or one for all."""
    lacking = list(needed_roles.missing(grants, account, workspace))
    give = (
        "az role assignment create --assignee-principal-type ServicePrincipal "
        f"--assignee-object-id {principal}"
    )
    return [
        broken(
            f"role on {(scope.rpartition('/')[2])}",
            f"the app has no {need.role} there",
            f'Give it: {give} --role "{need.role}" --scope {scope}, {AGAIN}',
        )
        for need, scope in lacking
    ] or [ok("roles", f"the app has the {len(needed_roles.NEEDS)} roles it needs")]


def of_recipe(name: str, findings: Iterable[Finding]) -> list[Point]:
    """Turn what a preflight finds into points: errors are broken, what nobody could tell is unknown."""
    points = [
        broken(f"recipe {name}", one.message, f"{RUNS_END.sub('', one.help)}, {AGAIN}")
        if one.severity == "error"
        else Point(f"recipe {name}", "unknown", one.message, one.help)
        for one in findings
    ]
    if any(point.state == "broken" for point in points):
        return points
    return [ok(f"recipe {name}", "its model, sizes, cluster and quota would do"), *points]
