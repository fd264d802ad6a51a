"""The witness does what Microsoft's own classes were seen to do (azureml-acft-contrib-hf-nlp 0.0.91)."""

from __future__ import annotations

import json
import warnings
from typing import TYPE_CHECKING, Any

import pytest

from local.trainer import offline
from local.trainer.preprocess import Happened, Model, preprocess
from local.trainer.tiny import _tokenizer

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

LIMIT = 160
# Joins text, as Phi's and SmolLM's templates do.
TEMPLATE = (
    "{% for m in messages %}{{ '<|im_start|>' + m['role'] + '\n' + m['content'] + '<|im_end|>\n' }}"
    "{% endfor %}"
    "{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}"
)


def row(question: Any = "Hi", answer: Any = "Yes.", **more: Any) -> dict[str, Any]:
    return {
        "messages": [{"role": "user", "content": question}, {"role": "assistant", "content": answer}],
        **more,
    }


def turns(*roles: str) -> dict[str, Any]:
    return {"messages": [{"role": role, "content": "Yes."} for role in roles]}


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Model]:
    offline.prepare()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of Hugging Face's libraries, about their own matters
        import datasets

        datasets.disable_progress_bars()
        folder = tmp_path_factory.mktemp("tokenizer")
        tokenizer = _tokenizer()
        tokenizer.chat_template = TEMPLATE
        tokenizer.save_pretrained(folder)
        yield Model.load(folder, LIMIT)


@pytest.fixture
def run(model: Model, tmp_path: Path) -> Callable[..., Happened]:
    def run(rows: list[Any], *, system_supported: bool = True) -> Happened:
        path = tmp_path / "train.jsonl"
        path.write_text("".join(json.dumps(one) + "\n" for one in rows))
        model.system_supported = system_supported
        return preprocess(path, model)

    return run


def test_few_rows_fail(run: Callable[..., Happened]) -> None:
    assert len(run([row()] * 12).kept) == 12
    assert run([row()] * 9).step == "too few"


@pytest.mark.parametrize(
    "odd",
    [
        row("x" * 400),
        turns("system", "assistant"),
        turns("user", "user"),
        turns("user", "user", "assistant"),
        row("y" * (LIMIT - 18), "cut"),
    ],
    ids=["cut to nothing", "no question", "no answer", "two questions", "cut right before the answer"],
)
def test_nothing_to_learn_vanishes_crashes_or_empties_the_set(
    run: Callable[..., Happened], odd: dict[str, Any]
) -> None:
    between = run([*[row()] * 6, odd, *[row()] * 6])
    assert (between.step, len(between.kept), between.nothing) == ("", 12, (6,))
    first = run([odd, *[row()] * 12])
    assert (first.step, first.at, first.kept) == ("first row", 0, ())
    assert "'NoneType' object has no attribute 'write'" in first.reason
    last = run([*[row()] * 12, odd])
    assert (last.step, last.at, last.kept) == ("last row", 12, ())


def test_nothing_at_all_to_learn(run: Callable[..., Happened]) -> None:
    assert run([row("x" * 400)] * 12).step == "nothing to learn"


@pytest.mark.parametrize("tools", [None, []])
def test_one_tools_key_without_a_value_empties_the_set(run: Callable[..., Happened], tools: Any) -> None:
    happened = run([*[row()] * 12, row(tools=tools)])
    assert (happened.step, len(happened.dropped)) == ("too few", 13)


def test_tools_in_one_row_leave_that_row_alone(run: Callable[..., Happened]) -> None:
    happened = run([*[row()] * 12, row(tools=[{"type": "function"}])])
    assert (happened.step, happened.dropped) == ("too few", tuple(range(12)))


@pytest.mark.parametrize("odd", [row(None), row("Hi", None), row(5)])
def test_content_that_is_no_text_fails_in_the_template(run: Callable[..., Happened], odd: Any) -> None:
    happened = run([*[row()] * 12, odd])
    assert (happened.step, happened.at) == ("template", 12)


@pytest.mark.parametrize(
    "odd",
    [
        row(extra=1),
        {"messages": [{**message, "weight": 1} for message in row()["messages"]]},
        turns("user", "system", "assistant"),
        turns("user", "assistant", "user"),
        row("Hi", ""),
    ],
)
def test_what_is_kept(run: Callable[..., Happened], odd: Any) -> None:
    assert len(run([*[row()] * 12, odd]).kept) == 13


@pytest.mark.parametrize("odd", [{"messages": None}, {"messages": []}, turns("user"), {"prompt": "Hi"}])
def test_what_is_removed_silently(run: Callable[..., Happened], odd: Any) -> None:
    happened = run([odd, *[row()] * 12])
    assert (happened.step, happened.dropped, len(happened.kept)) == ("", (0,), 12)


def test_a_long_row_is_cut(run: Callable[..., Happened]) -> None:
    happened = run([*[row()] * 12, row("Hi", "x" * 400)])
    assert (happened.cut, len(happened.kept)) == ((12,), 13)


def test_without_a_system_role_it_is_merged_or_fails(run: Callable[..., Happened]) -> None:
    fine, good = turns("system", "user", "assistant"), [row()] * 12
    assert len(run([*good, fine], system_supported=False).kept) == 13
    assert run([*good, turns("user", "system", "assistant")], system_supported=False).step == "system"
    assert run([*good, turns("system", "assistant")], system_supported=False).step == "system"
    assert run([*good, turns("system", "user")], system_supported=False).dropped == (12,)


def test_without_a_system_role_a_row_without_messages_crashes_the_job_unless_it_is_first(
    run: Callable[..., Happened],
) -> None:
    empty: dict[str, Any] = {"messages": []}
    good = [row()] * 12
    assert run([*good, empty], system_supported=False).step == "system"
    assert run([empty, *good, empty], system_supported=False).dropped == (0, 13)


def test_a_line_that_is_no_object_cannot_be_loaded(run: Callable[..., Happened]) -> None:
    assert run([*[row()] * 12, 5]).step == "load"


def test_rows_without_messages_have_no_column(run: Callable[..., Happened]) -> None:
    assert run([{"prompt": "Hi"}] * 12).step == "columns"
