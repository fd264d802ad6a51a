"""Who the app is in Azure: one identity, no keys. AZURE_CLIENT_ID picks a user-assigned one."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from azure.identity import DefaultAzureCredential


@cache
def credential() -> DefaultAzureCredential:
    """Make the chain of credentials once; each keeps its tokens until they expire."""
    from azure.identity import DefaultAzureCredential

    return DefaultAzureCredential()
