"""The figures of a report: dictionaries in Python, named key by key for the published schema."""

from __future__ import annotations

from typing import TypedDict


class Spread(TypedDict):
    """How large chats are. histogram: [upper bound, chats], a bucket for each power of √2 that has any.

    exact: [size, chats], where no chat is larger than 63; else empty.
    """

    min: int
    median: int
    p95: int
    max: int
    histogram: list[tuple[int, int]]
    exact: list[tuple[int, int]]


class Figures(TypedDict):
    """Figures of the accepted chats.

    characters, turns: of each chat; sampled: how many were looked at closely; near_copies: those of them
    that are much like an earlier one; languages: [ISO 639-1 code, chats] of some of them, the most frequent
    first.
    """

    characters: Spread
    turns: Spread
    total_characters: int
    estimated_tokens: int
    token_estimate: str
    sampled: int
    near_copies: int
    languages: list[tuple[str, int]]
    duplicates: int
