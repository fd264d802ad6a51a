"""What the workspace's region offers, and how much of it: ample, until the admin API says otherwise.

By default every size is there, retired ones too, and no quota is near. What is set survives restarts.
"""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING

import msgspec

from local.azureml import catalogue
from local.azureml.errors import bad_request

if TYPE_CHECKING:
    from local.azureml.clock import Clock
    from local.azureml.state import Store

Json = dict[str, object]

CLUSTERS, DEDICATED, LOW_PRIORITY = "TotalClusters", "TotalDedicatedCores", "TotalLowPriorityCores"
AMPLE = {CLUSTERS: 200, DEDICATED: 100_000, LOW_PRIORITY: 100_000}
AMPLE_FAMILY = 10_000
_KEY = "region"


class RegionSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What the admin API has set.

    offers: names of the sizes there are, None for all. retirement: sizes and models past their day are gone.
    quotas, used: vCPUs by family or total; used is what others in the subscription hold.
    nested_steps: between a job and its steps lies a run for the component's node.
    compute_seconds: how long a new cluster is Creating. taken_names: others' endpoints.
    name_lingers: for how many seconds a deleted endpoint's name stays taken.
    """

    offers: list[str] | None = None
    retirement: bool = False
    quotas: dict[str, int] = {}
    used: dict[str, int] = {}
    not_at_low_priority: list[str] = []
    taken_names: list[str] = []
    name_lingers: float = 0
    compute_seconds: float = 0
    nested_steps: bool = False
    endpoints: int = 100
    deployments: int = 500
    deployments_per_endpoint: int = 20
    instances_per_deployment: int = 50


class Region:
    """The region's settings, and what follows from them for sizes and quotas."""

    def __init__(self, store: Store, clock: Clock) -> None:
        """Keep what is set in `store`; sizes and models retire by `clock`."""
        self._store = store
        self._clock = clock

    @property
    def settings(self) -> RegionSettings:
        """What holds now."""
        return self._store.get(RegionSettings, _KEY) or RegionSettings()

    def change(self, changes: Json) -> RegionSettings:
        """Replace the fields that `changes` names.

        Raises:
            AzureError: 400, for an unknown field, size or family, or a value of another type.

        """
        whole = msgspec.to_builtins(self.settings) | changes
        try:
            wanted = msgspec.convert(whole, RegionSettings)
        except msgspec.ValidationError as error:
            raise bad_request(f"These are no region settings: {error}.") from error
        for name in [*(wanted.offers or []), *wanted.not_at_low_priority]:
            if catalogue.size(name) is None:
                raise bad_request(f"The emulator knows no size '{name}'; see GET /admin/region.")
        for name in [*wanted.quotas, *wanted.used]:
            if _key(name) not in _known():
                raise bad_request(
                    f"The emulator knows no family '{name}'; it has {', '.join(_known().values())}."
                )
        self._store.put(_KEY, wanted)
        return wanted

    def reset(self) -> None:
        """Offer everything again."""
        self._store.delete(RegionSettings, _KEY)

    def sizes(self) -> list[catalogue.Json]:
        """Return the sizes that are offered today."""
        settings, today = self.settings, self._clock.now().date()
        offered = None if settings.offers is None else {name.lower() for name in settings.offers}
        return [
            size
            for size in catalogue.sizes()
            if (offered is None or size["name"].lower() in offered)
            and not (settings.retirement and _past(size.get("retired"), today))
        ]

    def size(self, name: str) -> catalogue.Json | None:
        """Return the size of that name, compared without case, where it is offered."""
        return next((size for size in self.sizes() if size["name"].lower() == name.lower()), None)

    def retired_on(self, deprecation: Json) -> str | None:
        """Return the day on which fine-tuning a model ended, where that is past and retirement is on."""
        day = deprecation.get("finetuneRetirementDate")
        if self.settings.retirement and _past(day, self._clock.now().date()):
            return str(day)[:10]
        return None

    def limit(self, name: str) -> int:
        """Return the quota of a family, at the dedicated tier, or of a total."""
        quotas = {_key(family): cores for family, cores in self.settings.quotas.items()}
        known = _known()[_key(name)]
        return quotas.get(_key(name), AMPLE.get(known, AMPLE_FAMILY))

    def held_by_others(self, name: str) -> int:
        """Return how much of a family or total others in the subscription hold."""
        return {_key(family): cores for family, cores in self.settings.used.items()}.get(_key(name), 0)


def families() -> list[str]:
    """Return the families of all sizes, as usages spell them: with a small letter in front."""
    return list(dict.fromkeys(_spelled(size["family"]) for size in catalogue.sizes()))


def _known() -> dict[str, str]:
    return {_key(name): name for name in [*AMPLE, *families()]}


def _key(name: str) -> str:
    return name.lower()


def _spelled(family: str) -> str:
    return family[:1].lower() + family[1:]


def _past(day: object, today: date) -> bool:
    return day is not None and date.fromisoformat(str(day)[:10]) <= today
