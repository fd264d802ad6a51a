"""What every command is given: the world, built only when a command needs it, and who is asking."""

from __future__ import annotations

import codecs
import getpass
import os
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from shared.domain.errors import Misconfigured

if TYPE_CHECKING:
    import argparse

    from shared.domain.timing import Timing
    from shared.ports import World
    from shared.ports.poison import Poison
    from shared.ports.surroundings import Surroundings

ENV_FILE = Path(".droptune/env")


@dataclass(frozen=True)
class Context:
    """One call of the command line."""

    args: argparse.Namespace

    @property
    def world(self) -> World:
        """Build the world from the environment, else from the env file."""
        read_env_file(self.args.env_file)
        from shared import wiring

        if sys.stdin.isatty():
            wiring.allow_browser()
        return wiring.world()

    @property
    def surroundings(self) -> tuple[Surroundings, str]:
        """Give what the doctor looks at, and the data account's name."""
        from shared import wiring

        return wiring.surroundings()

    @property
    def poison(self) -> Poison:
        """Give the queues of what failed as often as it may; the world comes first, with its settings."""
        from shared import wiring

        return wiring.poison()

    @property
    def timing(self) -> Timing:
        """Give the delays that the installation's settings name."""
        from shared import wiring

        return wiring.timing()

    @property
    def by(self) -> str:
        """Name the person, for the run's history."""
        try:
            return f"{getpass.getuser()} (command line)"
        except (KeyError, OSError, ImportError):  # a container's user may have a number alone
            return "somebody (command line)"


def read_env_file(given: str | None) -> None:
    """Take the settings from an env file of KEY=VALUE lines, unless the environment holds them.

    A value may stand in double quotes, as `azd env get-values` writes it.

    All of them or none: half a configuration of each kind helps nobody. The environment itself is written,
    because Azure's own libraries read theirs there.
    """
    path = Path(given) if given else ENV_FILE
    if given and not path.exists():
        raise Misconfigured("env-file-missing", f"There is no env file {given}.", "Name another: --env-file")
    if not path.exists() or (not given and "DROPTUNE_INSTALLATION" in os.environ):  # noqa: TID251 - see below
        return
    for line in _text(path).splitlines():
        key, sign, value = line.strip().partition("=")
        if sign and not key.startswith("#"):
            os.environ[key] = value.strip('"')  # noqa: TID251 - the one place that fills it, before settings load


def _text(path: Path) -> str:
    """Read a text file by its byte-order mark: PowerShell's `>` writes UTF-16, Windows' editors a mark."""
    data = path.read_bytes()
    wide = data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))
    try:
        return data.decode("utf-16" if wide else "utf-8-sig")
    except UnicodeDecodeError as fault:
        what = f"The env file {path} is no UTF-8 text."
        raise Misconfigured("env-file", what, "Make it again: azd env get-values > droptune.env") from fault
