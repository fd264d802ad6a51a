"""Who the app is in Azure: one identity, no keys. AZURE_CLIENT_ID picks a user-assigned one."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from azure.identity import DefaultAzureCredential

# Below what a call of ours may take: a token service that hangs is found out in time.
PATIENCE: dict[str, Any] = {
    "connection_timeout": 5,
    "read_timeout": 10,
    "retry_total": 1,
    "process_timeout": 10,
}

_lock = threading.Lock()
_made: list[DefaultAzureCredential] = []
_browser: list[bool] = []


def allow_browser() -> None:
    """Let a person sign in with a browser where all else fails: for a command line that somebody sits at."""
    _browser.append(True)


def credential() -> DefaultAzureCredential:
    """Give the app's credential, made at the first call; it keeps its tokens until they expire."""
    with _lock:
        if not _made:
            from azure.identity import DefaultAzureCredential

            options = {**PATIENCE, "exclude_interactive_browser_credential": not _browser}
            _made.append(DefaultAzureCredential(**options))
        return _made[0]
