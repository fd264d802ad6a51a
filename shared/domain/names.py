"""Names are derived, never invented: the same drop always gets the same ones."""

from __future__ import annotations

import hashlib
import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from datetime import datetime

RECIPE = re.compile(r"[a-z][a-z0-9]*(-[a-z0-9]+)*")
RECIPE_LENGTH = 40
RULE = "lower-case letters and digits in words joined by single dashes, at most 40 characters"
LARGEST_GENERATION = 9


def is_recipe(name: str) -> bool:
    """Tell whether `name` may name a recipe: kebab-case, at most 40 characters."""
    return len(name) <= RECIPE_LENGTH and RECIPE.fullmatch(name) is not None


def cut(name: str, length: int) -> str:
    """Cut a recipe's name for use inside another name; no dash is left at its end."""
    return name[:length].rstrip("-")


def short_digest(*parts: str, length: int = 8) -> str:
    """Hash the parts, joined by line feeds, to `length` hex digits."""
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()[:length]


def run(recipe: str, modified: datetime, *content: str) -> str:
    """Name the run of one drop: `<recipe>-<yyyymmddhhmmss>-<8 hex>`; modified is UTC.

    content: the drop's path and ETag; of a folder drop those of each member, sorted by path.
    """
    stamp = modified.strftime("%Y%m%d%H%M%S")
    return f"{cut(recipe, 24)}-{stamp}-{short_digest(*(one.strip(chr(34)) for one in content))}"


def job(run_name: str, attempt: int) -> str:
    """Name one attempt's job."""
    return f"{run_name}-a{attempt}"


def run_of_job(job_name: str) -> str | None:
    """Tell which run a job's name belongs to; None where it is not a name of ours."""
    found = re.fullmatch(r"([a-z][a-z0-9-]*-\d{14}-[0-9a-f]{8})-a\d+", job_name)
    return found[1] if found else None


def model(base_model: str, recipe: str) -> str:
    """Name the registered model."""
    return f"{base_model}-{recipe}".replace("/", "-")


def version(received: datetime, last: int) -> int:
    """Choose a model version: the epoch second of receipt, or the one after the lane's last."""
    return max(int(received.timestamp()), last + 1)


def endpoint(workspace_id: str, recipe: str, generation: int = 1) -> str:
    """Name a recipe's endpoint, 3 to 32 characters; a later generation where the name could not be had."""
    suffix = f"-g{generation}" if generation > 1 else ""
    return f"{cut(recipe, 20)}-{short_digest(workspace_id, recipe)}{suffix}"


def endpoint_of_run(recipe: str, received: datetime, run_name: str) -> str:
    """Name an endpoint that serves one run alone."""
    return f"{cut(recipe, 15)}-{int(received.timestamp())}-{short_digest(run_name, length=4)}"


def deployment(run_name: str) -> str:
    """Name a run's deployment: `r` and 10 hex digits."""
    return "r" + short_digest(run_name, length=10)
