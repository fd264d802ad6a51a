"""The composition root: the one place where ports meet their adapters. Built on first call, never at import."""

from __future__ import annotations

import os
import uuid
from datetime import UTC, datetime
from functools import cache

from shared import settings
from shared.ports import World
