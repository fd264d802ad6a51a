from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from shared.app.doctor import examine
from shared.domain import needed_roles
from shared.domain.errors import Misconfigured, Missing, Transient
from shared.domain.needed_roles import Grant
from shared.ports.surroundings import Datastore
from tests.app.life import Life
from tests.fakes.surroundings import ACCOUNT, FakeSurroundings

if TYPE_CHECKING:
    from collections.abc import Callable

    from shared.domain.checkup import Point

DATASETS = "/blobServices/default/containers/datasets"


def points(around: FakeSurroundings, life: Life | None = None) -> list[Point]:
    return list(examine((life or Life()).world, around, "stdata"))


def lame(around: FakeSurroundings, life: Life | None = None) -> dict[str, Point]:
    return {point.check: point for point in points(around, life) if point.state == "broken"}


def test_a_sound_installation_is_all_well() -> None:
    found = points(FakeSurroundings())
    assert [point for point in found if point.state == "broken"] == []
    checks = {point.check for point in found}
    assert {"identity", "container prepared", "queue run-steps", "datastore droptune_prepared"} <= checks
    assert {"recipe support", "function app", "functions", "function keys", "roles"} <= checks
    assert {"subscription dataset-uploaded", "subscription job-finished", "installation"} <= checks


def no_slash(around: FakeSurroundings) -> None:
    filters = around.subscribed["dataset-uploaded"]["properties"]["filter"]
    filters["subjectBeginsWith"] = filters["subjectBeginsWith"].rstrip("/")


def leads_elsewhere(around: FakeSurroundings) -> None:
    target = around.subscribed["job-finished"]["properties"]["destination"]["properties"]
    target["resourceId"] = (
        "/subscriptions/s/resourceGroups/g/providers/Microsoft.Web/sites/x/functions/job_finished"
    )


BREAKS: list[tuple[Callable[[FakeSurroundings], object], str, str, str]] = [
    (
        lambda a: a.containers.remove("prepared"),
        "container prepared",
        "not there",
        "az storage container create",
    ),
    (lambda a: a.queues.clear(), "queue run-steps", "not there", "az storage queue create"),
    (
        lambda a: a.queues.update({"run-steps-poison": 3}),
        "queue run-steps-poison",
        "3 messages that failed",
        "droptune requeue --all",
    ),
    (lambda a: setattr(a, "store", None), "datastore", "does not exist", "azd provision"),
    (
        lambda a: setattr(a, "store", Datastore("droptune_prepared", "stdata", "prepared", "AccountKey")),
        "datastore droptune_prepared",
        "keeps a credential (AccountKey)",
        "azd provision",
    ),
    (
        lambda a: setattr(a, "store", Datastore("droptune_prepared", "other", "raw", "None")),
        "datastore droptune_prepared",
        "the container raw, expected prepared; it leads to the account other",
        "azd provision",
    ),
    (
        lambda a: setattr(a, "app", replace(a.app, state="Stopped")),
        "function app",
        "Stopped",
        "functionapp start",
    ),
    (lambda a: a.indexed.remove("advance_run"), "functions", "advance_run", "azd deploy"),
    (lambda a: a.keys.remove("blobs_extension"), "function keys", "blobs_extension", "azd deploy"),
    (
        lambda a: a.subscribed.pop("dataset-uploaded"),
        "subscription dataset-uploaded",
        "not there",
        "azd hooks run postdeploy",
    ),
    (no_slash, "subscription dataset-uploaded", "datasets', expected", "azd hooks run postdeploy"),
    (leads_elsewhere, "subscription job-finished", "does not lead to", "azd hooks run postdeploy"),
    (
        lambda a: a.given.pop(0),
        "role on datasets",
        "no Storage Blob Data Reader",
        f'--assignee-object-id p --role "Storage Blob Data Reader" --scope {ACCOUNT}{DATASETS}',
    ),
    (
        lambda a: a.refuse.update(region=Missing("azureml-missing", "The workspace does not exist.")),
        "workspace",
        "/subscriptions/s/workspaces/w",
        "AZUREML_WORKSPACE_NAME",
    ),
    (
        lambda a: a.refuse.update(
            who=Misconfigured("azureml-sign-in", "Azure accepts no sign-in.", "az login")
        ),
        "identity",
        "no sign-in",
        "az login",
    ),
]


@pytest.mark.parametrize(
    ("damage", "check", "said", "mend"),
    BREAKS,
    ids=lambda value: value[:40] if isinstance(value, str) else "damage",
)
def test_each_broken_thing_is_named_with_its_mend(
    damage: Callable[[FakeSurroundings], object], check: str, said: str, mend: str
) -> None:
    around = FakeSurroundings()
    damage(around)
    found = lame(around)
    assert set(found) == {check}
    assert said in found[check].said
    assert mend in found[check].help
    assert "droptune doctor" in found[check].help or check == "identity"


def test_another_installations_ledger_is_told() -> None:
    life = Life()
    life.world.ledger.create("installation", b"acme-prod")
    (point,) = lame(FakeSurroundings(), life).values()
    assert "acme-prod" in point.said
    assert "DROPTUNE_INSTALLATION" in point.help


def test_a_recipe_is_held_against_model_cluster_and_text() -> None:
    life = Life()
    life.storage.recipes.put("lost", "compute: {name: nowhere}\n")
    life.storage.recipes.put("odd", "epochs: 3\n")
    life.storage.recipes.put("unknown", "base_model: {name: Phi-99}\n")
    found = lame(FakeSurroundings(), life)
    assert set(found) == {"recipe lost", "recipe odd", "recipe unknown"}
    assert "nowhere" in found["recipe lost"].said
    assert "az ml compute create" in found["recipe lost"].help
    assert "retry" not in found["recipe lost"].help
    assert "epochs" in found["recipe odd"].said
    assert "Phi-99" in found["recipe unknown"].said


def test_what_may_not_be_seen_is_no_fault() -> None:
    refused = Misconfigured("azureml-forbidden", "Azure refuses access to the app's roles.", "")
    around = FakeSurroundings(refuse={"grants": refused, "system_keys": refused, "subscription": refused})
    found = points(around)
    assert [point.check for point in found if point.state == "broken"] == []
    unseen = {point.check for point in found if point.state == "unknown" and "cannot be seen" in point.said}
    expected = {"roles", "function keys", "subscription dataset-uploaded", "subscription job-finished"}
    assert unseen == expected


def test_what_is_silent_just_now_is_to_be_waited_for_and_not_made_again() -> None:
    life = Life()
    life.storage.fail_next("recipes.names", Transient("storage-unavailable", "Storage does not answer."))
    away = Transient("storage-unavailable", "Storage does not answer for the container datasets.")
    found = lame(FakeSurroundings(refuse={"container": away}), life)
    assert {"container datasets", "recipes"} <= set(found)
    assert {point.help for point in found.values()} == {
        "It does not answer just now: wait a minute, then: droptune doctor"
    }


def test_without_the_apps_id_the_rest_is_looked_at() -> None:
    around = FakeSurroundings(refuse={"host": Missing("not-told", "DROPTUNE_APP_ID is not set.")})
    found = {point.check: point for point in points(around)}
    assert found["function app"].state == "unknown"
    assert found["container runs"].state == "ok"
    assert "roles" not in found


def test_a_role_given_above_counts_below_and_a_stronger_one_does() -> None:
    whole = [
        Grant(needed_roles.BLOB_OWNER, ACCOUNT.upper()),
        Grant(needed_roles.QUEUE_WRITER, "/subscriptions/s"),
    ]
    lacking = [need.role for need, _scope in needed_roles.missing(whole, ACCOUNT, "/subscriptions/s/w")]
    assert lacking == ["AzureML Data Scientist", "Monitoring Reader"]


def test_a_role_on_another_account_of_like_name_does_not_count() -> None:
    near = [
        Grant(needed_roles.BLOB_OWNER, f"{ACCOUNT}2"),
        Grant(needed_roles.BLOB_READER, f"{ACCOUNT}{DATASETS}-x"),
    ]
    assert len(list(needed_roles.missing(near, ACCOUNT, "/w"))) == len(needed_roles.NEEDS)


def test_an_app_without_an_identity_is_broken() -> None:
    around = FakeSurroundings()
    around.app = replace(around.app, principals=())
    (point,) = lame(around).values()
    assert (point.check, point.said) == ("roles", "the app has no identity of its own")
