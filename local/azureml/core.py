"""What nearly every part of the emulator needs, as one record."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from local.azureml.clock import Clock
    from local.azureml.identity import Issuer
    from local.azureml.operations import Operations
    from local.azureml.settings import Settings
    from local.azureml.state import Store


@dataclass(frozen=True)
class Core:
    """Settings, memory, time, tokens, and operations under way."""

    settings: Settings
    store: Store
    clock: Clock
    issuer: Issuer
    operations: Operations
