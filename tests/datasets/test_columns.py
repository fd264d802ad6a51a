"""Figures of rows: the same for a row wherever it stands, and hashes that tell chats apart."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from shared.datasets.columns import Columns, columns, line_ends, one_value_a_line, tally
from shared.datasets.rows import Message, Row
from shared.datasets.turns import Shapes

if TYPE_CHECKING:
    from collections.abc import Sequence

    from shared.datasets.rows import Role

ROLE = st.sampled_from(("user", "assistant", "system"))
TEXT = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=6) | st.sampled_from(
    ["a", "aa", "b", " ", "\x1f", '"', "é"]
)
CHATS = st.lists(st.tuples(ROLE, TEXT), min_size=2, max_size=5)


def row(*said: tuple[Role, str], prompt: str | None = None) -> Row:
    return Row([Message(role, text) for role, text in said], prompt)


def taken(rows: Sequence[Row]) -> Columns:
    return columns(rows, Shapes())


@given(st.lists(CHATS, min_size=2, max_size=12, unique_by=tuple))
@example([[("user", "ab"), ("assistant", "c")], [("user", "a"), ("assistant", "bc")]])
@example([[("user", "a"), ("user", "b")], [("user", "b"), ("user", "a")]])
@example([[("user", "a"), ("user", "a")], [("user", "a"), ("user", "a"), ("user", "a"), ("user", "a")]])
@example([[("user", "a"), ("assistant", "b")], [("assistant", "a"), ("user", "b")]])
@settings(max_examples=300, deadline=None)
def test_different_chats_have_different_hashes(chats: list[list[tuple[Role, str]]]) -> None:
    made = taken([row(*chat) for chat in chats])
    assert len(set(made.whole)) == len(chats)
    before = {(tuple(role for role, _text in chat), tuple(chat[:-1])) for chat in chats}
    assert len(set(made.prompt)) == len(before)


@given(st.lists(CHATS, min_size=1, max_size=6), st.integers(0, 6))
@settings(max_examples=200, deadline=None)
def test_a_row_has_the_same_figures_wherever_it_stands(chats: list[list[tuple[Role, str]]], cut: int) -> None:
    rows = [row(*chat) for chat in chats]
    together, one, other = taken(rows), taken(rows[:cut]), taken(rows[cut:])
    for name in ("prompt", "whole", "question", "characters", "turns", "sizes", "room", "texts"):
        assert getattr(together, name) == getattr(one, name) + getattr(other, name), name
    assert together.doubtful == one.doubtful + [place + len(rows[:cut]) for place in other.doubtful]
    assert together.keys == one.keys + other.keys
    assert together.characters == [sum(len(text) for _role, text in chat) for chat in chats]
    assert together.sizes == [sum(len(text.encode()) for _role, text in chat) for chat in chats]


def test_a_blank_message_and_a_wrong_order_are_doubtful() -> None:
    right: tuple[Role, str] = ("assistant", "yes")
    rows = [row(("user", "a"), right), row(("user", " \n"), right), row(right, ("user", "a"))]
    assert taken(rows).doubtful == [1, 2]


@given(CHATS, TEXT | st.none())
@settings(max_examples=200, deadline=None)
def test_the_tally_holds_for_right_rows_and_for_none_with_a_key_twice(
    chat: list[tuple[Role, str]], prompt: str | None
) -> None:
    messages = json.dumps([{"role": role, "content": text} for role, text in chat], ensure_ascii=False)
    beside = "" if prompt is None else f'"prompt": {json.dumps(prompt)}, '
    made = taken([row(*chat, prompt=prompt)])
    assert tally(f'{{{beside}"messages": {messages}}}'.encode(), made)
    assert not tally(f'{{{beside}"messages": [], "messages": {messages}}}'.encode(), made)


@given(st.lists(st.integers(0, 1500), max_size=8), st.booleans())
@settings(max_examples=200, deadline=None)
def test_line_ends_are_found_in_lines_of_any_length(lengths: list[int], ended: bool) -> None:  # noqa: FBT001
    data = b"\n".join(b"x" * length for length in lengths) + b"\n" * ended
    assert line_ends(data).tolist() == [place for place, one in enumerate(data) if one == ord("\n")]


@pytest.mark.parametrize("many", [1, 300])
@pytest.mark.parametrize(
    ("lines", "right"),
    [
        (b"{}\n{}\n", True),
        (b"{}\r\n{}\n", True),
        (b"{}\n{}", True),
        (b"{}\n\n{}\n", False),
        (b"{}\n,{}\n", False),
        (b"{}{\n}{}\n", False),
        (b"", False),
    ],
)
def test_lines_of_whole_objects_are_told(lines: bytes, many: int, right: bool) -> None:  # noqa: FBT001
    data = b"{}\n" * (many - 1) + lines
    ends = line_ends(data)
    assert len(ends) == np.count_nonzero(np.frombuffer(data, np.uint8) == ord("\n"))
    assert one_value_a_line(data, ends) == (right if lines else many > 1)
