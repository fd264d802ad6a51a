"""Fakes of the ports Endpoints, Monitor and Prices."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING

from shared.domain.draining import REQUEST_LIMIT
from shared.domain.errors import AlreadyThere, Missing, Permanent, Transient
from shared.ports import NO_COPIES, Deployment, Endpoint

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from datetime import datetime

    from shared.domain.sizes import Tier
    from shared.ports import DeploymentSpec
    from tests.fakes.faults import Faults
    from tests.fakes.training import FakeModels

WHOLE, HALF = 100, 50


def minute(at: datetime) -> datetime:
    return at.replace(second=0, microsecond=0)


class FakeMonitor:
    """Figures that a test, or a question to a fake endpoint, has put in."""

    def __init__(self, faults: Faults) -> None:
        self._faults = faults
        self.there: Callable[[str, str | None], bool] = lambda _endpoint, _deployment: False
        self._requests: dict[str, dict[str, dict[datetime, float]]] = {}
        self._outcomes: dict[str, dict[str, dict[int, dict[datetime, float]]]] = {}
        self._latency: dict[str, dict[str, dict[datetime, float]]] = {}
        self._beats: dict[tuple[str, str], set[datetime]] = {}

    def requests(
        self, endpoints: Sequence[str], since: datetime, until: datetime
    ) -> Mapping[str, Mapping[str, Mapping[datetime, float]]]:
        with self._faults.call("monitor.requests"):
            return {name: self._asked_of(name, since, until) for name in endpoints if self.there(name, None)}

    def outcomes(
        self, endpoint: str, since: datetime, until: datetime
    ) -> Mapping[str, Mapping[int, Mapping[datetime, float]]]:
        with self._faults.call("monitor.outcomes"):
            self._check(endpoint)
            found = self._outcomes.get(endpoint, {})
            return {
                name: {status: _inside(points, since, until) for status, points in by_status.items()}
                for name, by_status in found.items()
            }

    def latency(
        self, endpoint: str, since: datetime, until: datetime
    ) -> Mapping[str, Mapping[datetime, float]]:
        with self._faults.call("monitor.latency"):
            self._check(endpoint)
            found = self._latency.get(endpoint, {})
            return {name: _inside(points, since, until) for name, points in found.items()}

    def heartbeats(
        self, deployments: Sequence[tuple[str, str]], since: datetime, until: datetime
    ) -> Mapping[tuple[str, str], Sequence[datetime]]:
        with self._faults.call("monitor.heartbeats"):
            return {
                one: sorted(at for at in self._beats.get(one, set()) if minute(since) <= at < until)
                for one in deployments
                if self.there(*one)
            }

    # For tests.

    def asked(
        self,
        endpoint: str,
        deployment: str,
        at: datetime,
        count: float = 1,
        *,
        status: int = 200,
        seconds: float | None = None,
    ) -> None:
        of_status = self._outcomes.setdefault(endpoint, {}).setdefault(deployment, {}).setdefault(status, {})
        for points in (self._requests.setdefault(endpoint, {}).setdefault(deployment, {}), of_status):
            points[minute(at)] = points.get(minute(at), 0) + count
        if seconds is not None:
            self._latency.setdefault(endpoint, {}).setdefault(deployment, {})[minute(at)] = seconds

    def beat(self, endpoint: str, deployment: str, since: datetime, until: datetime) -> None:
        """Let it report in each whole minute from `since` to before `until`."""
        beats, at = self._beats.setdefault((endpoint, deployment), set()), minute(since)
        while at < until:
            beats.add(at)
            at += timedelta(minutes=1)

    def _asked_of(
        self, endpoint: str, since: datetime, until: datetime
    ) -> Mapping[str, Mapping[datetime, float]]:
        found = self._requests.get(endpoint, {})
        inside = {name: _inside(points, since, until) for name, points in found.items()}
        return {name: points for name, points in inside.items() if points}

    def _check(self, endpoint: str) -> None:
        if not self.there(endpoint, None):
            raise Missing("azureml-missing", f"There is no {endpoint}.")


def _inside(points: Mapping[datetime, float], since: datetime, until: datetime) -> dict[datetime, float]:
    return {at: value for at, value in points.items() if minute(since) <= at < until}


class FakePrices:
    """Prices a test can change; what is not in them is unknown."""

    def __init__(self, faults: Faults) -> None:
        self._faults = faults
        self.hourly = {"standard_nc24ads_a100_v4": 3.673, "standard_nc48ads_a100_v4": 7.346}
        self.low_priority: dict[str, float] = {}

    def hourly_usd(
        self,
        instance_type: str,
        location: str,  # noqa: ARG002 - one price list
        tier: Tier = "dedicated",
    ) -> float | None:
        with self._faults.call("prices.hourly_usd"):
            low = self.low_priority.get(instance_type.lower()) if tier == "low_priority" else None
            return self.hourly.get(instance_type.lower()) if low is None else low


class FakeEndpoints:
    """Endpoints and deployments that succeed at the next look, unless a test says otherwise."""

    def __init__(
        self, faults: Faults, now: Callable[[], datetime], models: FakeModels, monitor: FakeMonitor
    ) -> None:
        self._faults, self._now, self._models, self._monitor = faults, now, models, monitor
        self._endpoints: dict[str, Endpoint] = {}
        self._deployments: dict[tuple[str, str], Deployment] = {}
        monitor.there = self.there
        self._held: set[str] = set()
        self._logs: dict[tuple[str, str], str] = {}
        self._errors: dict[tuple[str, str], str] = {}
        self._served: dict[tuple[str, str], datetime] = {}
        self.hasty: list[str] = []  # deleted while requests of their users may have been under way
        self.taken: set[str] = set()  # names that somebody else in the region has
        self.answer: Callable[[str, Sequence[Mapping[str, str]]], str] = lambda deployment, messages: (
            f"{deployment} heard {messages[-1]['content']}"
        )

    # The port.

    def find(self, name: str) -> Endpoint:
        with self._faults.call("endpoints.find"):
            return self._look(name)

    def all(self) -> Iterator[Endpoint]:
        with self._faults.call("endpoints.all"):
            found = [self._look(name) for name in sorted(self._endpoints)]
        return iter(found)

    def create(self, name: str, auth: str, tags: Mapping[str, str]) -> None:
        with self._faults.call("endpoints.create"):
            if auth not in {"key", "entra"}:
                raise Permanent("endpoint-auth", f"{auth!r} is no way to sign in.", "key or entra")
            if name in self.taken or name in self._endpoints:
                raise AlreadyThere("endpoint-name-taken", f"The name {name} is taken in this region.")
            url = f"https://{name}.eastus2.inference.ml.azure.com/score"
            self._endpoints[name] = Endpoint(
                name, "creating", dict(tags), {}, url, created=self._now(), location="eastus2"
            )

    def tag(self, name: str, tags: Mapping[str, str], deployment: str | None = None) -> None:
        with self._faults.call("endpoints.tag"):
            if deployment is None:
                self._endpoints[name] = replace(self._get(name), tags=dict(tags))
            else:
                found = self._look_deployment(name, deployment)
                self._deployments[name, deployment] = replace(found, tags=dict(tags))

    def set_traffic(
        self, name: str, traffic: Mapping[str, int], mirror: Mapping[str, int] = NO_COPIES
    ) -> None:
        with self._faults.call("endpoints.set_traffic"):
            found = self._get(name)
            shares = {deployment: share for deployment, share in traffic.items() if share}
            copies = {deployment: share for deployment, share in mirror.items() if share}
            named = [*shares, *copies]
            unknown = [deployment for deployment in named if (name, deployment) not in self._deployments]
            twice = len(named) > len(set(named)) or len(copies) > 1 or max(copies.values(), default=0) > HALF
            if unknown or twice or sum(shares.values()) not in {0, WHOLE}:
                raise Permanent("azureml-refused", f"Traffic {shares}, copies {copies} of {name} cannot be.")
            self._served |= {(name, deployment): self._now() for deployment in found.traffic}
            self._endpoints[name] = replace(found, traffic=shares, mirror=copies, state="updating")

    def delete(self, name: str) -> None:
        with self._faults.call("endpoints.delete"):
            self._endpoints.pop(name, None)
            for key in [key for key in list(self._deployments) if key[0] == name]:
                del self._deployments[key]

    def deployment(self, endpoint: str, name: str) -> Deployment:
        with self._faults.call("endpoints.deployment"):
            return self._look_deployment(endpoint, name)

    def deployments(self, endpoint: str) -> Sequence[Deployment]:
        with self._faults.call("endpoints.deployments"):
            return [self._look_deployment(*key) for key in sorted(self._deployments) if key[0] == endpoint]

    def counts(self) -> Mapping[str, int]:
        with self._faults.call("endpoints.counts"):
            return {name: sum(of == name for of, _name in self._deployments) for name in self._endpoints}

    def deploy(self, spec: DeploymentSpec) -> str | None:
        with self._faults.call("endpoints.deploy"):
            self._get(spec.endpoint)
            if spec.model not in {version.id for version in self._models.versions}:
                raise Missing("azureml-missing", f"There is no model {spec.model}.")
            fields = {**vars(spec), "tags": dict(spec.tags)}
            made = Deployment(**fields, state="creating", created=self._now())
            self._deployments[spec.endpoint, spec.name] = made
            return f"operations/{spec.endpoint}/{spec.name}"

    def why(self, operation: str) -> str | None:
        with self._faults.call("endpoints.why"):
            _, endpoint, name = operation.split("/")
            return self._errors.get((endpoint, name))

    def undeploy(self, endpoint: str, name: str) -> None:
        with self._faults.call("endpoints.undeploy"):
            gone = self._deployments.pop((endpoint, name), None)
            if gone and endpoint in self._endpoints:
                found = self._get(endpoint)
                served = self._served.get((endpoint, name))
                had = name in found.traffic or (served and self._now() - served < REQUEST_LIMIT)
                self.hasty += [name] if had and gone.state == "succeeded" else []
                rest = {known: share for known, share in found.traffic.items() if known != name}
                self._endpoints[endpoint] = replace(found, traffic=rest)

    def log_tail(self, endpoint: str, deployment: str) -> str:
        with self._faults.call("endpoints.log_tail"):
            return self._logs.get((endpoint, deployment), "")[-2000:]

    def ask(self, endpoint: str, messages: Sequence[Mapping[str, str]], deployment: str | None = None) -> str:
        with self._faults.call("endpoints.ask"):
            chosen = deployment or next(iter(sorted(self._get(endpoint).traffic)), None)
            if chosen is None:
                raise Missing("model-missing", f"No deployment of {endpoint} has traffic.")
            if self._look_deployment(endpoint, chosen).state != "succeeded":
                raise Transient("model-unavailable", f"{chosen} does not serve.")
            self._monitor.asked(endpoint, chosen, self._now(), seconds=1.0)
            return self.answer(chosen, messages)

    # For tests.

    def there(self, endpoint: str, deployment: str | None) -> bool:
        return (endpoint, deployment) in self._deployments if deployment else endpoint in self._endpoints

    def shares(self, endpoint: str) -> dict[str, int]:
        """Give the traffic as it is, without a look that changes or fails anything."""
        return dict(self._get(endpoint).traffic)

    def kept(self) -> tuple[list[Endpoint], list[Deployment]]:
        """Give all there is, without a look that changes or fails anything."""
        return list(self._endpoints.values()), list(self._deployments.values())

    def healthy(self, endpoint: str) -> set[str]:
        """Name the deployments that could serve."""
        found = [one for (of, _name), one in self._deployments.items() if of == endpoint]
        return {one.name for one in found if one.state == "succeeded"}

    def hold(self, name: str) -> None:
        """Keep an endpoint or deployment as it is, look after look, until it is released or failed."""
        self._held.add(name)

    def release(self, name: str) -> None:
        self._held.discard(name)

    def fail(
        self,
        endpoint: str,
        deployment: str | None = None,
        log: str = "",
        error: str | None = None,
        *,
        state: str = "failed",
    ) -> None:
        """Let an endpoint or a deployment fail. state: Azure's other word for it, of an endpoint."""
        if deployment is None:
            self._endpoints[endpoint] = replace(self._get(endpoint), state=state)
        else:
            found = self._deployments[endpoint, deployment]
            self._deployments[endpoint, deployment] = replace(found, state="failed")
            self._logs[endpoint, deployment] = log
            if error is not None:
                self._errors[endpoint, deployment] = error

    def _get(self, name: str) -> Endpoint:
        if name not in self._endpoints:
            raise Missing("azureml-missing", f"The endpoint {name} does not exist.")
        return self._endpoints[name]

    def _look(self, name: str) -> Endpoint:
        found = self._get(name)
        if found.state in {"creating", "updating"} and name not in self._held:
            found = self._endpoints[name] = replace(found, state="succeeded")
        return found

    def _look_deployment(self, endpoint: str, name: str) -> Deployment:
        found = self._deployments.get((endpoint, name))
        if found is None:
            raise Missing("azureml-missing", f"The deployment {endpoint}/{name} does not exist.")
        if found.state == "creating" and name not in self._held:
            found = self._deployments[endpoint, name] = replace(found, state="succeeded")
        return found
