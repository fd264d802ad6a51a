"""What the base model's tokens say of rows: cut (DT601), nothing to learn (DT602), no chat to it (DT603)."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from shared.datasets.rowfacts import RowFacts, countable, facts_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from shared.datasets.learnt import Tokens
    from shared.datasets.meter import Meter
    from shared.datasets.rows import Fault, Message

RIGHT = RowFacts("many")


def measured(
    messages: Sequence[Message], meter: Meter | None, *, learns: bool
) -> tuple[RowFacts, list[Fault]]:
    """Count a right row; tell what Azure ML would make of it, and what is wrong with it."""
    tokens = None if meter is None else meter.count(messages)
    facts = RowFacts("many" if len(messages) > 1 else "one", learns=learns, tokens=tokens)
    return facts, faults_of(facts, 0 if meter is None else meter.limit)


def faults_of(facts: RowFacts, limit: int) -> list[Fault]:
    """Tell what is wrong with a row whose messages are texts."""
    tokens = facts.tokens
    if tokens is None:
        return [] if facts.learns else [("DT602", "an order of roles that leaves no answer to learn")]
    if tokens.fault is not None:
        return [("DT603", tokens.fault)]
    if not tokens.learnt:
        return [("DT602", nothing(tokens, limit))]
    if tokens.total > limit:
        return [("DT601", f"{tokens.total:,} tokens, cut after {limit:,}")]
    return []


def nothing(tokens: Tokens, limit: int) -> str:
    """Say why there is nothing to learn."""
    if tokens.before_answer < tokens.total:
        first = tokens.before_answer + 1
        return f"{tokens.total:,} tokens, cut after {limit:,}; the first to learn is number {first:,}"
    return f"{tokens.total:,} tokens, none of them an answer's"


def facts_as_dropped(value: Any, meter: Meter | None) -> RowFacts:  # noqa: ANN401 - whatever JSON holds
    """Tell what Azure ML would make of a line as it stands."""
    facts = facts_of(value)
    if meter is None or not countable(facts) or meter.fits(value["messages"]):
        return facts
    return replace(facts, tokens=meter.count(value["messages"]))
