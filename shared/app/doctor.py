"""`droptune doctor`: look at everything an installation stands on, and judge it. Nothing is changed."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, TypeVar

from msgspec.structs import replace

from shared.app import notices, recipes
from shared.domain import checkup, run, subscriptions
from shared.domain.checkup import Point
from shared.domain.drops import Drop
from shared.domain.errors import DroptuneError, Missing, Transient
from shared.domain.preflight import compute, model, quota
from shared.domain.recipe import SERVERLESS
from shared.domain.survey import Survey

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from shared.domain.recipe import Recipe
    from shared.ports import World
    from shared.ports.surroundings import Host, Surroundings

CONTAINERS = ("datasets", "recipes", "runs", "prepared")
QUEUES = ("run-steps", "run-steps-poison", "webjobs-blobtrigger-poison")
MADE_BY_THE_HOST = frozenset({"run-steps-poison", "webjobs-blobtrigger-poison"})
Found = TypeVar("Found")


def examine(world: World, around: Surroundings, account: str) -> Iterator[Point]:
    """Look at one thing after the other; each ends in a point, whatever befalls.

    account: the data account's name, for the commands that mend.
    """
    yield from _looked("identity", lambda: [checkup.ok("identity", f"asks as {around.who()}")])
    yield from _looked("workspace", lambda: [_workspace(world, around)])
    for name in CONTAINERS:
        yield from _looked(f"container {name}", partial(_container, around, name, account))
    for name in QUEUES:
        yield from _looked(f"queue {name}", partial(_queue, around, name, account))
    yield from _looked("installation", lambda: [_installation(world)])
    yield from _looked("notices", lambda: [_notices(world)])
    yield from _looked("datastore", lambda: [_datastore(around, account)])
    yield from _recipes(world)
    yield from _host(world, around)


def _looked(check: str, look: Callable[[], list[Point]], *, needed: bool = True) -> list[Point]:
    """Turn what hinders a look into a point. needed: no run goes on without; else it is not to be seen."""
    try:
        return look()
    except DroptuneError as error:
        problem = error.problem
        if needed:
            return [checkup.broken(check, problem.message, problem.help or _mend(error))]
        return [Point(check, "unknown", f"cannot be seen from here: {problem.message}")]


def _mend(error: DroptuneError) -> str:
    """Say what mends it: what is silent just now need not be made anew."""
    return checkup.WAIT if isinstance(error, Transient) else checkup.PROVISION


def _workspace(world: World, around: Surroundings) -> Point:
    try:
        return checkup.ok("workspace", f"is in {around.region()}")
    except Missing:
        mend = (
            f"Name it in AZURE_SUBSCRIPTION_ID, AZURE_RESOURCE_GROUP, AZUREML_WORKSPACE_NAME, {checkup.AGAIN}"
        )
        return checkup.broken("workspace", f"there is none at {world.workspace_id}", mend)


def _container(around: Surroundings, name: str, account: str) -> list[Point]:
    return [checkup.container(name, account, there=around.container(name))]


def _queue(around: Surroundings, name: str, account: str) -> list[Point]:
    count = around.queue(name)
    if count is None and name in MADE_BY_THE_HOST:
        return [checkup.ok(f"queue {name}", "is not there: nothing has failed yet")]
    return [checkup.queue(name, account, count)]


def _installation(world: World) -> Point:
    """Hold the setting against the ledger: where they differ, the sweep deletes nothing."""
    try:
        written = world.ledger.read("installation").data.decode()
    except Missing:
        return checkup.ok("installation", f"{world.installation}, to be written with the first drop")
    if written == world.installation:
        return checkup.ok("installation", written)
    mend = f"Set DROPTUNE_INSTALLATION to {written}, or use storage of its own, {checkup.AGAIN}"
    said = f"the setting says {world.installation}, the ledger {written}: the sweep takes nothing"
    return checkup.broken("installation", said, mend)


def _notices(world: World) -> Point:
    lost = list(notices.undelivered(world, world.now() - checkup.NOTICES_OF))
    return checkup.notices(lost)


def _datastore(around: Surroundings, account: str) -> Point:
    found, said = around.datastore(), []
    if found.container != "prepared":
        said.append(f"it leads to the container {found.container}, expected prepared")
    if found.account.lower() != account.lower():
        said.append(f"it leads to the account {found.account}, expected {account}")
    if found.credential.lower() != checkup.NO_CREDENTIAL:
        said.append(f"it keeps a credential ({found.credential}), expected None: jobs read by identity")
    if said:
        again = f"Make it as it should be: azd provision, {checkup.AGAIN}"
        return checkup.broken(f"datastore {found.name}", "; ".join(said), again)
    return checkup.ok(f"datastore {found.name}", "leads to prepared, without a credential")


def _recipes(world: World) -> Iterator[Point]:
    try:
        names = sorted(world.recipes.names())
    except DroptuneError as error:
        yield checkup.broken("recipes", error.problem.message, error.problem.help or _mend(error))
        return
    if not names:
        put = (
            "az storage blob upload --auth-mode login --container-name recipes --file recipes/phi-4-chat.yaml"
        )
        yield checkup.broken("recipes", "there is none: every drop is rejected", f"Put one there: {put}")
    for name in names:
        yield from _looked(f"recipe {name}", partial(_recipe, world, name))


def _recipe(world: World, name: str) -> list[Point]:
    """Run the preflight's checks that need no drop: model, sizes, cluster, quota."""
    recipe, etag, problem = recipes.find(world.recipes, name)
    if recipe is None or problem is not None:
        said, mend = (problem.message, problem.help) if problem else ("is gone", "")
        return [checkup.broken(f"recipe {name}", said, f"{mend}, {checkup.AGAIN}")]
    now = world.now()
    trial = run.received(
        Drop(f"{name}/trial.jsonl", "0", now, 0, retrain=False),
        now,
        recipe=recipe,
        recipe_etag=etag,
        problem=None,
    )
    base = recipe.base_model
    trial = replace(trial, base_model=world.models.resolve(base.name, base.registry, str(base.version)))
    seen = _survey(world, recipe)
    found = [*model.check(trial, recipe, now), *compute.check(trial, recipe, seen, now)]
    return checkup.of_recipe(name, [*found, *quota.check(trial, recipe, seen)])


def _survey(world: World, recipe: Recipe) -> Survey:
    unknown: dict[str, str] = {}

    def seen(part: str, look: Callable[[], Found]) -> Found | None:
        try:
            return look()
        except DroptuneError as refused:
            unknown[part] = refused.problem.message
            return None

    named = recipe.compute.name != SERVERLESS
    return Survey(
        inputs={},
        cluster=seen("cluster", lambda: world.computes.find(recipe.compute.name)) if named else None,
        sizes=seen("sizes", world.computes.sizes),
        usages=seen("usages", world.computes.usages),
        limits=world.limits,
        unknown=unknown,
    )


def _host(world: World, around: Surroundings) -> Iterator[Point]:
    """Look at the Function App, its events and its roles: who may not see them is told so."""
    try:
        host = around.host()
    except DroptuneError as error:
        yield Point("function app", "unknown", f"cannot be seen from here: {error.problem.message}")
        return
    yield checkup.running(host.id, host.address, host.state)
    yield from _looked("functions", lambda: [checkup.functions(around.functions())], needed=False)
    yield from _looked("function keys", lambda: [checkup.keys(around.system_keys())], needed=False)
    for one in subscriptions.ALL:
        look = partial(_subscription, around, host, one)
        yield from _looked(f"subscription {one.name}", look, needed=False)

    def granted() -> list[Point]:
        if not host.principals:
            return [checkup.broken("roles", "the app has no identity of its own", checkup.PROVISION)]
        grants = [one for who in host.principals for one in around.grants(who)]
        return checkup.roles(grants, around.account(), world.workspace_id, ", ".join(host.principals))

    yield from _looked("roles", granted, needed=False)


def _subscription(around: Surroundings, host: Host, one: subscriptions.Subscription) -> list[Point]:
    try:
        found = around.subscription(one.topic, one.name)
    except Missing as gone:
        if gone.problem.code == "not-told":
            raise
        found = None
    return [checkup.subscription(one, found, host.id, host.address)]
