#!/usr/bin/env python3
"""Make the event subscriptions, once the code is there: azd's postdeploy hook, re-runnable by hand.

    azd env get-values > droptune.env; set -a; . ./droptune.env; set +a; python3 infra/hooks/subscribe.py

Needs Python 3.11 and azd (or az) signed in, nothing else. It waits until Azure has indexed the functions and
made the blob extension's key, then puts both subscriptions; what is there already is brought back to what it
should be. The key goes from Azure to Azure: it is never printed, and answers are shown without it.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import time
import urllib.error
import urllib.request
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from shared.domain import subscriptions as wanted

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

NEEDED = ("DROPTUNE_APP_ID", "DROPTUNE_DROPS_TOPIC_ID", "DROPTUNE_JOBS_TOPIC_ID")
WEB, EVENTS = "2024-04-01", "2025-02-15"
ARM = "https://management.azure.com"
TRIES, PAUSE = 60, 10.0
SECRET = re.compile(r"(code=|\"[^\"]*[kK]ey[^\"]*\"\s*:\s*\")[^\"&\s]+")
TOKENS = (
    ("azd", "auth", "token", "--output", "json"),
    ("az", "account", "get-access-token", "--resource", ARM, "--output", "json"),
)


class Refused(Exception):
    """Something stands in the way; the text says what, and the next command."""


@dataclass(frozen=True)
class Arm:
    """The resource manager. token: who asks."""

    base: str
    token: str

    def call(self, method: str, path: str, version: str, body: object = None) -> dict[str, Any]:
        """Make one call and read its JSON; raises Refused, without any key."""
        url = f"{self.base.rstrip('/')}{path}?api-version={version}"
        headers = {"Authorization": f"Bearer {self.token}", "Content-Type": "application/json"}
        data = None if body is None else json.dumps(body).encode()
        asked = urllib.request.Request(url, data, headers, method=method)  # noqa: S310 - a fixed base
        try:
            with urllib.request.urlopen(asked, timeout=60) as answer:  # noqa: S310
                text = answer.read()
        except urllib.error.HTTPError as error:
            said = safe(error.read().decode("utf-8", "replace"))[:500]
            raise Refused(f"{method} {path} was answered with {error.code}: {said}") from None
        except OSError as error:
            raise Refused(f"{method} {path} was not answered: {error}") from None
        found: dict[str, Any] = json.loads(text) if text.strip() else {}
        return found


def safe(text: str) -> str:
    """Leave keys out of a text."""
    return SECRET.sub(r"\1…", text)


def main(environ: Mapping[str, str]) -> int:
    """Make both; the exit code tells whether they stand."""
    missing = [key for key in NEEDED if not environ.get(key)]
    if missing:
        print(
            f"subscribe: {', '.join(missing)} not set. Run it through azd: azd hooks run postdeploy",
            file=sys.stderr,
        )
        return 1
    try:
        for line in subscribe(Arm(environ.get("ARM_URL") or ARM, _token()), environ, time.sleep):
            print(line, flush=True)
    except Refused as fault:
        print(f"subscribe: {fault}. Mend that, then: azd hooks run postdeploy", file=sys.stderr)
        return 1
    return 0


def subscribe(arm: Arm, environ: Mapping[str, str], sleep: Callable[[float], object]) -> list[str]:
    """Make both subscriptions; say in a line each what stands, without any key."""
    app, drops, jobs = (environ[key] for key in NEEDED)
    key = _await_key(arm, app, sleep)
    host = str(arm.call("GET", app, WEB)["properties"]["defaultHostName"])
    account = str(arm.call("GET", drops, EVENTS)["properties"]["source"])
    webhook = f"{wanted.webhook(host, wanted.DROPS.function)}&code={key}"
    ways = (
        (wanted.DROPS, drops, {"endpointType": "WebHook", "properties": {"endpointUrl": webhook}}),
        (
            wanted.JOBS,
            jobs,
            {
                "endpointType": "AzureFunction",
                "properties": {"resourceId": f"{app}/functions/{wanted.JOBS.function}"},
            },
        ),
    )
    said = []
    for one, topic, destination in ways:
        path = f"{topic}/eventSubscriptions/{one.name}"
        arm.call("PUT", path, EVENTS, wanted.body(one, destination, account))
        _await_made(arm, path, sleep)
        said.append(
            f"subscription {one.name}: {', '.join(one.types)} {one.subject} to {one.function}".replace(
                "  ", " "
            )
        )
    return said


def _await_key(arm: Arm, app: str, sleep: Callable[[float], object]) -> str:
    """Wait until both functions are indexed and the blob extension has its key; raises Refused."""
    for _ in range(TRIES):
        listed = arm.call("GET", f"{app}/functions", WEB).get("value") or ()
        names = {str(one["name"]).rpartition("/")[2] for one in listed}
        if {one.function for one in wanted.ALL} <= names:
            keys = arm.call("POST", f"{app}/host/default/listKeys", WEB)
            key = (keys.get("systemKeys") or {}).get(wanted.KEY)
            if key:
                return str(key)
        sleep(PAUSE)
    raise Refused(
        f"Azure has not indexed the functions, or made the system key {wanted.KEY}, in "
        f"{TRIES * PAUSE / 60:.0f} minutes; see why in the Function App's log stream"
    )


def _await_made(arm: Arm, path: str, sleep: Callable[[float], object]) -> None:
    state = "unknown"
    for _ in range(TRIES):
        state = str(arm.call("GET", path, EVENTS)["properties"].get("provisioningState"))
        if state == "Succeeded":
            return
        if state in {"Failed", "Canceled"}:
            break
        sleep(PAUSE)
    raise Refused(f"the subscription {path.rpartition('/')[2]} is {state}, expected Succeeded")


def _token() -> str:
    for command in TOKENS:
        try:
            done = subprocess.run(command, capture_output=True, text=True, check=True)
        except (OSError, subprocess.CalledProcessError):
            continue
        found = json.loads(done.stdout)
        return str(found.get("token") or found.get("accessToken"))
    raise Refused("no sign-in was found (azd auth login, or az login)")


if __name__ == "__main__":
    sys.exit(main(os.environ))  # noqa: TID251 - a program's edge
