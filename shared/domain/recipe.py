"""A recipe says what to do with a data set; every field has a default (docs/recipes.md).

Only types and defaults live here. `shared.domain.recipe_text` reads one from YAML's plain values.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta

from shared.domain.names import short_digest

Fraction = Annotated[float, Meta(ge=0, le=1)]
Positive = Annotated[float, Meta(gt=0)]
NotNegative = Annotated[float, Meta(ge=0)]
Count = Annotated[int, Meta(ge=1)]
# A century at most: longer ones leave the calendar when they are added to a time. The schema alone says so:
# what is read holds it, and a document that was written before it still reads.
Hours = Annotated[float, Meta(gt=0, extra_json_schema={"maximum": 876_000})]
HoursOrNought = Annotated[float, Meta(ge=0, extra_json_schema={"maximum": 876_000})]
Days = Annotated[float, Meta(gt=0, extra_json_schema={"maximum": 36_500})]
Minutes = Annotated[float, Meta(ge=0, extra_json_schema={"maximum": 52_560_000})]
SERVERLESS = "serverless"
Severity = Literal["ignore", "warn", "error"]
Size = Annotated[str, Meta(pattern=r"^\d+(\.\d+)?(B|KiB|MiB|GiB)$", description="as 500MiB or 2GiB")]
QuietHours = Annotated[str, Meta(pattern=r"^\d\d:\d\d-\d\d:\d\d [A-Za-z_+\-/0-9]+$")]


class Section(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=False):
    """A part of a recipe: frozen, and a field it does not know is an error."""


class BaseModel(Section, frozen=True):
    """Which foundation model is tuned; version: a number or `latest`."""

    name: str = "Phi-4"
    registry: str = "azureml"
    version: str | int = "latest"
    allow_retired: bool = False


class Data(Section, frozen=True):
    """How the data set is read and split. min_rows: train rows after the split."""

    format: Literal["auto", "pipeline"] = "auto"
    validation_fraction: Fraction = 0.1
    test_fraction: Fraction = 0.1
    min_rows: Count = 10
    max_bad_fraction: Fraction = 0.0
    max_size: Size = "2GiB"
    dedupe: bool = True


class Compute(Section, frozen=True):
    """Where the job runs. name: a cluster, or `serverless`."""

    name: str = "gpu-cluster"
    size: str = "Standard_NC24ads_A100_v4"
    max_instances: Count = 2
    tier: Literal["dedicated", "low_priority"] = "dedicated"
    create: bool = False


class Prompt(Section, frozen=True):
    """A question the new model is asked before it gets traffic, and what its answer must hold.

    matches: regular expressions, each found somewhere in it; json_keys: it is one JSON object with these;
    language: the ISO 639-1 code of the language it is in.
    """

    ask: str
    must: tuple[str, ...] = ()
    must_not: tuple[str, ...] = ()
    matches: tuple[str, ...] = ()
    json_keys: tuple[str, ...] = ()
    min_characters: Count = 1
    max_characters: Count | None = None
    language: Annotated[str, Meta(pattern="^[a-z]{2,3}$", description="as en or de")] | None = None


class Fact(Section, frozen=True):
    """A question with one exact answer that must stand in the model's reply."""

    ask: str
    answer: str


class Evaluation(Section, frozen=True):
    """What the new model must show. min_facts: the part of the facts that must be right; 0: only counted.

    max_answer_seconds: how long it may take for an answer of the smoke test; max_forgetting: how much of the
    general set's loss may be lost; general: the bundled set, none, or a path in the container of recipes;
    min_general: as min_facts, of its questions; dataset: the evaluation set, a path in the same container.
    """

    dataset: str | None = None
    max_eval_loss: Positive | None = None
    max_regression: NotNegative = 0.02
    min_rows: Count = 20
    prompts: tuple[Prompt, ...] = ()
    facts: tuple[Fact, ...] = ()
    min_facts: Fraction = 0.0
    max_answer_seconds: Positive | None = None
    general: str | None = "default"
    compare: bool = False
    max_forgetting: NotNegative = 0.1
    min_general: Fraction = 0.0


class Serving(Section, frozen=True):
    """How the model is served, and how a challenger earns the champion's traffic (docs/rollout.md).

    rollout: percent of traffic, step by step; little_traffic: what too few requests to tell lead to.
    """

    endpoint: Literal["per_recipe", "per_run"] = "per_recipe"
    auth: Literal["key", "entra"] = "key"
    instance_type: str = "Standard_NC24ads_A100_v4"
    instance_count: Count = 1
    rollout: tuple[Annotated[int, Meta(ge=1, le=100)], ...] = (10, 50, 100)
    strategy: Literal["blue_green", "canary", "mirror", "replace"] = "blue_green"
    step_minutes: Minutes = 10
    min_requests: Count = 20
    max_error_share: Fraction = 0.05
    max_latency_seconds: Positive | None = None
    max_slowdown: Annotated[float, Meta(ge=1)] = 2.0
    little_traffic: Literal["go", "wait", "back"] = "go"
    wait_hours: Hours = 24
    keep_previous_hours: HoursOrNought = 1


class Cost(Section, frozen=True):
    """Limits on money and time. None: no limit. Hours and days take fractions."""

    approve_above_usd: NotNegative | None = 50
    approval_days: Days = 7
    monthly_budget_usd: NotNegative | None = None
    max_job_hours: Hours = 12
    idle_hours: Hours = 72
    idle_action: Literal["hibernate", "delete"] | None = None
    grace_hours: HoursOrNought = 24
    ttl_days: Days = 15
    quiet_hours: QuietHours | None = None


class Keep(Section, frozen=True):
    """How long results stay. models: versions; prepared_days: prepared data."""

    models: Count = 5
    prepared_days: Days = 90


class Notify(Section, frozen=True):
    """Whom to tell. to: names of app settings that hold the addresses, never addresses."""

    to: tuple[Annotated[str, Meta(pattern=r"^[A-Z][A-Z0-9_]*$")], ...] = ()


class Recipe(Section, frozen=True):
    """What to do with the data sets dropped in one folder."""

    base_model: BaseModel = BaseModel()
    on_new_data: Literal["queue", "replace", "parallel"] = "queue"
    data: Data = Data()
    checks: dict[str, Severity] = {}
    training: dict[str, Any] = {}
    compute: Compute = Compute()
    evaluation: Evaluation = Evaluation()
    serving: Serving = Serving()
    approval: Literal["never", "gate", "always"] = "never"
    cost: Cost = Cost()
    keep: Keep = Keep()
    notify: Notify = Notify()

    @property
    def idle_action(self) -> str:
        """What an idle endpoint gets: hibernation keeps a shared address, a run's own endpoint goes."""
        if self.cost.idle_action is not None:
            return self.cost.idle_action
        return "hibernate" if self.serving.endpoint == "per_recipe" else "delete"


def digest(recipe: Recipe) -> str:
    """Tell a recipe from any other, all its defaults included: 16 hex digits."""
    return short_digest(msgspec.json.encode(recipe, order="deterministic").decode(), length=16)


def bytes_of(size: str) -> int:
    """Read a size such as `2GiB` as bytes."""
    units = {"KiB": 2**10, "MiB": 2**20, "GiB": 2**30}
    for unit, factor in units.items():
        if size.endswith(unit):
            return int(float(size.removesuffix(unit)) * factor)
    return int(float(size.removesuffix("B")))
