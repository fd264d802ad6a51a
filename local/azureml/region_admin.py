"""The admin API's part for the region, the registry's models, and mishaps. README.md has the table."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import msgspec

from local.azureml.region import families
from local.azureml.web import Answer, Way

if TYPE_CHECKING:
    from collections.abc import Callable

    from local.azureml.mishaps import Mishaps
    from local.azureml.region import Region
    from local.azureml.shelf import Shelf
    from local.azureml.usages import Usages
    from local.azureml.web import Call, Json


@dataclass(frozen=True)
class RegionAdmin:
    """What is offered, what is left of it, which models there are, and what shall go wrong."""

    region: Region
    usages: Usages
    shelf: Shelf
    mishaps: Mishaps

    def ways(self) -> list[Way]:
        """Return the routes."""
        model = "registry/models/{name}/versions/{version}"
        routes = [
            ("GET", "region", lambda _: Answer(body=self._region())),
            ("PATCH", "region", self._change_region),
            ("DELETE", "region", lambda _: self._done(self.region.reset)),
            ("GET", "registry", lambda _: Answer(body={"models": self.shelf.models()})),
            (
                "PUT",
                model,
                lambda c: Answer(body=self.shelf.put(c.path["name"], c.path["version"], c.json())),
            ),
            ("DELETE", "registry", lambda _: self._done(self.shelf.reset)),
            ("GET", "mishaps", lambda _: Answer(body=msgspec.to_builtins(list(self.mishaps.list())))),
            ("POST", "mishaps", self._add_mishap),
            ("DELETE", "mishaps", lambda _: self._done(self.mishaps.clear)),
        ]
        return [Way(method, f"/admin/{path}", how, open=True) for method, path, how in routes]

    def _region(self) -> Json:
        return {
            "settings": msgspec.to_builtins(self.region.settings),
            "sizes": [size["name"] for size in self.region.sizes()],
            "families": families(),
            "usages": [
                {
                    "name": item["name"]["value"],
                    "kind": item["type"].split("/")[1],
                    "used": item["currentValue"],
                    "limit": item["limit"],
                }
                for item in self.usages.list()
            ],
        }

    def _change_region(self, call: Call) -> Answer:
        self.region.change(call.json())
        return Answer(body=self._region())

    def _add_mishap(self, call: Call) -> Answer:
        return Answer(201, msgspec.to_builtins(self.mishaps.add(call.json())))

    @staticmethod
    def _done(what: Callable[[], None]) -> Answer:
        what()
        return Answer(204)
