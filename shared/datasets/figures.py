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


class Tokenized(TypedDict):
    """Tokens of the accepted chats, before any cut. total: of all; error: relative, 95 % are nearer.

    counted_by: the base model whose tokenizer counted, null where tokens are estimated; limit: where Azure ML
    cuts; sampled: chats the figures are taken from; counted_near_limit: those counted beside them as they may
    not fit; total_exact: all are sampled; trained: what the job reads, all epochs together; learnt: the share
    that answers have, null where it is not known; over_limit: chats that are cut.
    """

    counted_by: str | None
    limit: int | None
    sampled: int
    counted_near_limit: int
    total: int
    total_exact: bool
    error: float
    epochs: float
    trained: int
    learnt: float | None
    over_limit: int
    min: int
    p5: int
    median: int
    p95: int
    max: int
    histogram: list[tuple[int, int]]


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
