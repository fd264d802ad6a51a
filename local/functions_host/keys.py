"""Function keys: made once, kept in a file that only its owner reads."""

from __future__ import annotations

import hmac
import json
import os
import secrets
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path


@dataclass(frozen=True)
class Keys:
    """The host's keys. master opens everything, default every function, a system key its webhook."""

    master: str
    default: str
    system: Mapping[str, str]

    def opens_function(self, key: str, level: str = "function") -> bool:
        """Tell whether `key` may call an HTTP function; one of level admin takes the master key alone."""
        return _same(key, self.master) or (level != "admin" and _same(key, self.default))

    def opens_webhook(self, extension: str, key: str) -> bool:
        """Tell whether `key` may call an extension's webhook."""
        return _same(key, self.master) or _same(key, self.system[extension])


def load(path: Path) -> Keys:
    """Read the keys, or make them."""
    if not path.exists():
        made = {
            "master": secrets.token_urlsafe(32),
            "default": secrets.token_urlsafe(32),
            "systemKeys": {
                "blobs_extension": secrets.token_urlsafe(32),
                "eventgrid_extension": secrets.token_urlsafe(32),
            },
        }
        path.parent.mkdir(parents=True, exist_ok=True)
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
            json.dump(made, file, indent=1)
    found = json.loads(path.read_text("utf-8"))
    return Keys(found["master"], found["default"], found["systemKeys"])


def _same(one: str, other: str) -> bool:
    return hmac.compare_digest(one.encode(), other.encode())
