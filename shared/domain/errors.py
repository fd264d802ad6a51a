"""What can go wrong, as a tree; the leaves say what to do next.

DroptuneError
├── Transient       try again later, up to the state's limit
│   └── Busy        somebody else holds it; not an attempt
├── Permanent       trying again changes nothing; a person must act
│   ├── Rejected        the data set or its recipe is at fault
│   └── Misconfigured   the installation is at fault
├── Changed         a conditional write lost: what was read is no longer what is there
├── AlreadyThere    a create-only write found something
└── Missing         what was asked for does not exist
"""

from __future__ import annotations

import msgspec


class Problem(msgspec.Struct, frozen=True):
    """Why a run ended badly, for people: what was found and the next command.

    code: stable, kebab-case. message: what was found and what was expected.
    help: ends with the exact next command.
    """

    code: str
    message: str
    help: str

    def __str__(self) -> str:
        return f"{self.message} {self.help}".strip()


class DroptuneError(Exception):
    """The root; `problem` is what a person reads."""

    def __init__(self, code: str, message: str, help: str = "") -> None:  # noqa: A002 - the word people read
        super().__init__(f"{message} {help}".strip())
        self.problem = Problem(code, message, help)


class Transient(DroptuneError):
    """It may work later. retry_after: seconds the other side asked for, or None."""

    def __init__(self, code: str, message: str, help: str = "", retry_after: float | None = None) -> None:  # noqa: A002
        super().__init__(code, message, help)
        self.retry_after = retry_after


class Busy(Transient):
    """Somebody else holds it just now; waiting for it is no failed attempt."""


class Permanent(DroptuneError):
    """Trying again changes nothing."""


class Rejected(Permanent):
    """The data set or its recipe is at fault."""


class Misconfigured(Permanent):
    """A setting, a role or a resource of this installation is at fault."""


class Changed(DroptuneError):
    """A conditional write or read lost against another writer."""


class AlreadyThere(DroptuneError):
    """A create-only write found something in its place."""


class Missing(DroptuneError):
    """What was asked for does not exist."""
