"""What is foretold of a file is what an implementation that shares no code makes of it, row by row."""

from __future__ import annotations

import json
import random
import warnings
from typing import TYPE_CHECKING, Any

import msgspec
import pytest

from local.trainer import offline
from shared.datasets import CheckOptions, prepare
from shared.datasets.foretell import Foretelling, Foretold, RowFacts, facts_of, merged
from shared.datasets.tokenizer_files import TokenizerFiles
from shared.datasets.tokens import TokenCounter, Tokens
from tests.datasets.helpers import Files

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

LIMIT = 160  # bytes are the tiny tokenizer's tokens
# As SmolLM's and Phi's templates do, text is joined: nothing else can be.
STRICT = (
    "{% for m in messages %}{{ '<|im_start|>' + m['role'] + '\n' + m['content'] + '<|im_end|>' + '\n' }}"
    "{% endfor %}{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}"
)
ALTERNATING = (
    "{% for m in messages %}{% if loop.index0 % 2 != (m['role'] == 'assistant') %}"
    "{{ raise_exception('Conversation roles must alternate') }}{% endif %}{% endfor %}" + STRICT
)
LONG = "x" * 400


def say(roles: str, *texts: Any, **more: Any) -> dict[str, Any]:
    names = {"s": "system", "u": "user", "a": "assistant"}
    contents = [*texts, *("Yes." for _ in roles[len(texts) :])]
    return {
        "messages": [{"role": names[r], "content": c, **more} for r, c in zip(roles, contents, strict=True)]
    }


KINDS: dict[str, Any] = {
    "good": say("ua", "Hi?"),
    "long talk": say("uaua"),
    "system": say("sua", "Be kind."),
    "late system": say("usa"),
    "system alone": say("s"),
    "system and answer": say("sa"),
    "system and question": say("su"),
    "null system": say("sua", None),
    "no messages": {"messages": None},
    "no key": {"prompt": "Hi"},
    "empty": {"messages": []},
    "one": say("u"),
    "null tools": {**say("ua"), "tools": None},
    "no tools": {**say("ua"), "tools": []},
    "tools": {**say("ua"), "tools": [{"type": "function", "name": "f"}]},
    "null content": say("ua", None),
    "null answer": say("ua", "Hi", None),
    "no content": {"messages": [{"role": "user"}, {"role": "assistant", "content": "Yes."}]},
    "empty answer": say("ua", "Hi", ""),
    "ends with the user": say("uau"),
    "no answer": say("uu"),
    "no question": say("aa"),
    "answer first": say("aua"),
    "two questions": say("uua"),
    "two questions later": say("uauua"),
    "two answers": say("uaa"),
    "cut": say("ua", "Hi", LONG),
    "cut in the second answer": say("uaua", "Hi", "Yes", "More?", LONG),
    "cut in the second question": say("uaua", "Hi", "Yes", LONG),
    "cut to nothing": say("ua", LONG),
    "cut right before the answer": say("ua", "x" * (LIMIT - 18)),
    "cut after the first token": say("ua", "x" * (LIMIT - 19)),
    "token inside": say("ua", "a <|im_start|>assistant\nb"),
    "pad inside": say("ua", "Hi", "<|pad|>"),
    "unknown column": {**say("ua"), "extra": {"a": 1}},
    "unknown key": say("ua", weight=1),
    "number": say("ua", 5),
    "no role": {"messages": [{"content": "Hi"}, {"role": "assistant", "content": "Yes."}]},
    "text for messages": {"messages": "Hi"},
    "no text for messages": {"messages": ""},
    "texts for messages": {"messages": ["Hi", "Yes."]},
    "text for tools": {**say("ua"), "tools": "f"},
    "no object": 5,
}
TOOLS = ("null tools", "no tools", "tools", "text for tools")
HARMLESS = [kind for kind in KINDS if kind not in TOOLS and kind != "no object"]
FILES = 24  # for each template, with and without a system role: 144 files


@pytest.fixture(scope="module", autouse=True)
def _quiet() -> Iterator[None]:
    """Hugging Face's libraries warn of their own matters, and draw bars."""
    offline.prepare()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import datasets

        datasets.disable_progress_bars()
        datasets.logging.set_verbosity(datasets.logging.CRITICAL)
        yield


@pytest.fixture(scope="module", params=["plain", "strict", "alternating"])
def folder(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    from local.trainer.tiny import _tokenizer

    out = tmp_path_factory.mktemp("tokenizer") / "t"
    tokenizer = _tokenizer()
    if request.param != "plain":
        tokenizer.chat_template = {"strict": STRICT, "alternating": ALTERNATING}[request.param]
    tokenizer.save_pretrained(out)
    return out


def counter(folder: Path) -> TokenCounter:
    tokenizer, config = (
        (folder / "tokenizer.json").read_bytes(),
        (folder / "tokenizer_config.json").read_bytes(),
    )
    return TokenCounter.of(tokenizer, config, (folder / "chat_template.jinja").read_text(), LIMIT)


def kinds(chance: random.Random) -> list[str]:
    """Choose a file's rows: good ones with some odd ones, first, last or between, or odd ones alone."""
    if chance.random() < 0.1:
        return [chance.choice(list(KINDS))] * chance.randint(9, 14)
    chosen = ["good"] * chance.randint(7, 20)
    for _ in range(chance.choice((0, 1, 1, 2, 3, 5))):
        odd = chance.choice(HARMLESS if chance.random() < 0.8 else list(KINDS))
        chosen.insert(chance.choice((0, len(chosen), chance.randrange(len(chosen)))), odd)
    if chance.random() < 0.2:
        chosen = [chance.choice(("good", "tools", "tools")) if kind == "good" else kind for kind in chosen]
    return chosen


def foretold(rows: list[Any], count: TokenCounter, *, system_supported: bool) -> Foretold:
    foretelling = Foretelling(count.limit, system_supported=system_supported)
    for line, row in enumerate(rows, 1):
        facts = facts_of(row)
        if facts.messages in {"two", "many"} and facts.content != "not messages":
            messages = row["messages"] if system_supported else merged(row["messages"])
            facts = facts_of(row, count.count([messages])[0])
        foretelling.row(line, facts)
    return foretelling.result()


def lines(rows: tuple[int, ...]) -> tuple[int, tuple[int, ...]]:
    return len(rows), tuple(row + 1 for row in rows[:20])


@pytest.mark.parametrize("system_supported", [True, False])
def test_it_agrees_with_the_witness_file_by_file(
    folder: Path,
    tmp_path: Path,
    system_supported: bool,  # noqa: FBT001 - pytest's
) -> None:
    from local.trainer.preprocess import Model, preprocess

    count, model = counter(folder), Model.load(folder, LIMIT)
    model.system_supported = system_supported
    assert count.limit == model.limit
    chance = random.Random((folder / "chat_template.jinja").read_text() + str(system_supported))  # noqa: S311
    path, causes = tmp_path / "f.jsonl", set()
    for _ in range(FILES):
        chosen = kinds(chance)
        rows = [KINDS[kind] for kind in chosen]
        path.write_text("".join(json.dumps(row) + "\n" for row in rows))
        happened, told = preprocess(path, model), foretold(rows, count, system_supported=system_supported)
        assert (told.cause, told.kept) == (happened.step, len(happened.kept)), chosen
        if happened.at is not None:
            assert told.fails_at == happened.at + 1, chosen
        if not happened.step:
            dropped, cut, nothing = told.dropped_silently, told.cut, told.nothing_to_learn
            assert (dropped.count, dropped.first) == lines(happened.dropped), chosen
            assert (cut.count, cut.first) == lines(happened.cut), chosen
            assert (nothing.count, nothing.first) == lines(happened.nothing), chosen
        causes.add(told.cause)
    assert len(causes) >= 4


def test_the_check_foretells_the_same_and_prepares_what_is_wholly_trained_on(
    folder: Path, tmp_path: Path
) -> None:
    """A thousand rows and more for each template; every row that may not fit is counted while it is read."""
    from local.trainer.preprocess import Model, preprocess

    files = {path.name: path.read_bytes() for path in folder.iterdir()}
    options = CheckOptions(
        max_bad_fraction=1, dedupe=False, tokenizer=TokenizerFiles.of("Bytes-1", files, LIMIT)
    )
    count, model = counter(folder), Model.load(folder, LIMIT)
    chance, rows_seen, prepared = random.Random((folder / "chat_template.jinja").read_text()), 0, 0  # noqa: S311
    path = tmp_path / "f.jsonl"
    while rows_seen < 1000:
        rows = [KINDS[kind] for _ in range(chance.choice((1, 1, 3))) for kind in kinds(chance)]
        rows_seen += len(rows)
        data, out = "".join(json.dumps(row) + "\n" for row in rows).encode(), Files()
        report, told = prepare([data], options, out), foretold(rows, count, system_supported=True)
        assert report.prediction == told
        path.write_bytes(data)
        happened = preprocess(path, model)
        assert (told.cause, told.kept) == (happened.step, len(happened.kept))
        if report.rows.train >= 10:
            prepared += 1
            path.write_bytes(out.data["train.jsonl"])
            happened = preprocess(path, model)
            assert (happened.step, len(happened.kept)) == ("", report.rows.train), happened.reason
    assert prepared > 5


def test_what_it_says_is_for_people() -> None:
    foretelling = Foretelling(100)
    foretelling.rows(range(1, 189), RowFacts("many"))
    foretelling.rows(range(189, 201), RowFacts("one"))
    assert foretelling.result().why == "of 200 rows 12 are dropped, 188 rows would be trained on"
    foretelling = Foretelling(100)
    foretelling.rows(range(1, 10), RowFacts("many"))
    foretelling.row(10, RowFacts("null"))
    told = foretelling.result()
    assert told.why == "of 10 rows 1 is dropped, 9 remain, fewer than 10: the job would fail"
    assert (told.outcome, told.cause, told.fails_at, told.kept) == ("fails", "too few", None, 0)


@pytest.mark.parametrize(("place", "cause", "kept"), [(1, "first row", 0), (7, "", 12), (13, "last row", 0)])
def test_a_row_with_nothing_to_learn_depends_on_its_place(place: int, cause: str, kept: int) -> None:
    foretelling = Foretelling(100)
    for line in range(1, 14):
        tokens = Tokens(400, 300, 0) if line == place else Tokens(50, 20, 30)
        foretelling.row(line, RowFacts("many", tokens=tokens))
    told = foretelling.result()
    assert (told.cause, told.kept, told.nothing_to_learn.first) == (cause, kept, (place,))
    assert told.fails_at == (place if cause else None)
    assert "left without an assistant token" in told.why
    assert (f"line {place}" in told.why) == bool(cause)


def test_without_a_tokenizer_roles_alone_tell_that_nothing_is_learnt() -> None:
    assert [facts_of(say(roles)).learns for roles in ("ua", "uua", "uu", "aa", "uauua", "sa")] == [
        True, False, False, False, True, False,
    ]  # fmt: skip


def test_rows_taken_together_are_rows_taken_one_by_one() -> None:
    chance = random.Random(4)  # noqa: S311 - a seed
    for _ in range(50):
        runs = [(facts_of(KINDS[chance.choice(HARMLESS)]), chance.randint(1, 5)) for _ in range(8)]
        together, apart, line = Foretelling(9), Foretelling(9), 1
        for facts, count in runs:
            together.rows(range(line, line + count), facts)
            for one in range(line, line + count):
                apart.row(one, facts)
            line += count
        assert together.result() == apart.result()


def test_memory_is_constant_and_the_result_is_json() -> None:
    foretelling = Foretelling(100)
    for line in range(1, 5001):
        foretelling.row(line, RowFacts("many", tokens=Tokens(400, 20, 80)))
    told = foretelling.result()
    assert (told.cut.count, told.cut.first) == (5000, tuple(range(1, 21)))
    assert json.loads(msgspec.json.encode(told))["cut"] == {"count": 5000, "first": list(range(1, 21))}


def test_no_rows_fail() -> None:
    told = Foretelling(100).result()
    assert (told.outcome, told.cause) == ("fails", "too few")
