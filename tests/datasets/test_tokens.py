"""Tokens are counted as transformers counts them, remembered pieces or not, and learnt as Azure ML has it."""

from __future__ import annotations

import json
import warnings
from functools import cache
from pathlib import Path
from pydoc_data import topics
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from local.trainer import offline
from local.trainer.tiny import _tokenizer
from shared.datasets import tokens
from shared.datasets.pairs import Pairs
from shared.datasets.pieces import SPACED, SPLITS, WORD, cutter
from shared.datasets.rows import Message
from shared.datasets.tokens import Estimate, Search, TokenCounter, Tokens, limit_of

if TYPE_CHECKING:
    from tokenizers import Tokenizer

CHATML = (
    "{% for m in messages %}{{ '<|im_start|>' + m['role'] + '\n' + m['content'] + '<|im_end|>' + '\n' }}"
    "{% endfor %}{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}"
)
LLAMA2 = (
    "{% for m in messages %}{% if m['role'] == 'user' %}"
    "{{ bos_token + '[INST] ' + m['content'] + ' [/INST]' }}"
    "{% else %}{{ ' ' + m['content'] + ' ' + eos_token }}{% endif %}{% endfor %}"
)
CORPUS = [*(Path(__file__).parent).glob("*.py"), *(Path(__file__).parents[2] / "docs").glob("*.md")]
CL100K, QWEN = sorted(SPLITS, key=len, reverse=True)
# What pre-tokenizers tell apart: letters of each case and script, digits, marks, kinds of white space.
SIGNS = st.text(
    "aZé中я'\u20191٣½.,!_-\u0301\U0001f600 \n\r\t\x0b\x1c\x1f\x85\xa0\u2003\u3000\u200b", max_size=40
)


def trained(pre: str) -> Tokenizer:
    from tokenizers import Tokenizer

    return Tokenizer.from_str(_trained(pre))


@cache
def _trained(pre: str) -> str:
    """Train a tokenizer of 2,000 tokens on this package's own texts."""
    from tokenizers import Regex, Tokenizer, models, pre_tokenizers, trainers

    tokenizer = Tokenizer(models.BPE())
    if pre == "gpt2":
        tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    else:
        split = pre_tokenizers.Split(Regex(CL100K if pre == "cl100k" else QWEN), "isolated")
        level = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)
        tokenizer.pre_tokenizer = pre_tokenizers.Sequence([split, level])
    trainer = trainers.BpeTrainer(
        vocab_size=2000,
        special_tokens=["<|im_start|>", "<|im_end|>"],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    tokenizer.train([str(path) for path in CORPUS], trainer)
    return tokenizer.to_str()


@pytest.fixture(scope="module", params=["gpt2", "cl100k", "qwen"])
def tokenizer(request: pytest.FixtureRequest) -> Tokenizer:
    return trained(request.param)


def made(tokenizer: Tokenizer, template: str = CHATML, asked: int = -1, **config: Any) -> TokenCounter:
    given = {"eos_token": "<|im_end|>", "model_max_length": 100_000, **config}
    return TokenCounter.of(tokenizer.to_str().encode(), json.dumps(given).encode(), template, asked)


@pytest.fixture(scope="module")
def counter(tokenizer: Tokenizer) -> TokenCounter:
    return made(tokenizer)


def plainly(counter: TokenCounter, texts: list[str]) -> list[list[int]]:
    return [counter._tokenizer.encode(text, add_special_tokens=False).ids for text in texts]


def chat(*texts: str) -> list[Message]:
    return [Message(("user", "assistant")[n % 2], text) for n, text in enumerate(texts)]


@given(texts=st.lists(SIGNS | st.text(max_size=30), max_size=8))
@settings(max_examples=400, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_pieces_give_the_tokens_of_the_whole(counter: TokenCounter, texts: list[str]) -> None:
    assert cutter(counter._tokenizer) is not None
    texts = [text.encode("utf-8", "ignore").decode() for text in texts]
    texts.append("<|im_start|>user\n" + "<|im_end|> \n<|im_start|>".join(texts))
    assert counter.encode(texts) == plainly(counter, texts)


def test_pieces_give_the_tokens_of_whole_files(counter: TokenCounter) -> None:
    texts = [path.read_text("utf-8") for path in CORPUS]
    assert counter.encode(texts) == plainly(counter, texts)
    assert counter.encode(texts[::-1]) == plainly(counter, texts[::-1])


def test_a_word_is_one_piece_whatever_sign_follows_it() -> None:
    text = "Say so, said\n\nshe: (it isn't a1.b_c) \u201cno\u201d.<|im_end|>\n"
    assert WORD.findall(text) == [
        *("Say", " so", ",", " said", "\n\nshe", ":", " (it", " isn't", " a1.b_c)"),
        *(" \u201cno\u201d.<|im_end|>", "\n"),
    ]


@given(SIGNS)
def test_pieces_are_the_text(text: str) -> None:
    assert "".join(WORD.findall(text)) == text == "".join(SPACED.findall(text))


def test_a_tokenizer_that_cannot_be_cut_is_asked_whole() -> None:
    from tokenizers import AddedToken, normalizers

    odd = trained("gpt2")
    odd.normalizer = normalizers.Prepend("_")
    assert cutter(odd) is None
    spaced = trained("gpt2")
    spaced.add_special_tokens(["<| a b |>"])
    assert cutter(spaced) is None
    for token in (AddedToken(" ab.c"), AddedToken("<x>", single_word=True)):
        strange = trained("gpt2")
        strange.add_tokens([token])
        assert cutter(strange) is None
    greedy = trained("gpt2")
    greedy.add_special_tokens([AddedToken("<|sep|>", rstrip=True)])
    texts, counter = ["a <|sep|>  b <|sep|>\n c d", "c d"], made(greedy)
    assert counter.encode(texts) == plainly(counter, texts)


def test_counts_are_those_of_transformers(tmp_path: Path) -> None:
    offline.prepare()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # transformers', about its own matters
        from transformers import AutoTokenizer

        _tokenizer().save_pretrained(tmp_path)
        reference = AutoTokenizer.from_pretrained(tmp_path)
    files = [(tmp_path / name).read_bytes() for name in ("tokenizer.json", "tokenizer_config.json")]
    counter = TokenCounter.of(files[0], files[1], (tmp_path / "chat_template.jinja").read_text(), 64)
    chats = [chat("Hi", "Yes."), chat("Größe?", "中文 <|im_end|> 😀", "More", "x" * 90), chat("\n", "\n\n")]
    for one, counted in zip(chats, counter.count(chats), strict=True):
        messages = [{"role": message.role, "content": message.content} for message in one]
        text = reference.apply_chat_template(messages, tokenize=False)
        assert counted.total == len(reference(text, add_special_tokens=False)["input_ids"])
    assert counter.limit == 64


def test_what_is_learnt_ends_at_the_limit() -> None:
    tokenizer = _tokenizer().backend_tokenizer  # bytes: a turn is its marker, role, line end, text, end
    whole = made(tokenizer, asked=-1).count([chat("Hi", "Yes.")])[0]
    # <|im_start|> user \n Hi <|im_end|> \n <|im_start|> assistant: 1 + 4 + 1 + 2 + 1 + 1 + 1 + 9
    assert whole == Tokens(27, 20, 7)
    assert [made(tokenizer, asked=n).count([chat("Hi", "Yes.")])[0].learnt for n in (27, 22, 20, 19)] == [
        7, 2, 0, 0,
    ]  # fmt: skip
    assert made(tokenizer, asked=20, truncation_side="left").count([chat("Hi", "Yes.")])[0].learnt == 0


def test_a_pad_token_is_never_learnt_and_never_the_end_token() -> None:
    tokenizer = _tokenizer().backend_tokenizer
    padded = made(tokenizer, pad_token="<|pad|>").count([chat("Hi", "a<|pad|>b")])[0]
    assert padded.learnt == made(tokenizer).count([chat("Hi", "a<|pad|>b")])[0].learnt - 1
    ended = made(tokenizer, pad_token="<|im_end|>").count([chat("Hi", "a<pad>b")])[0]
    assert (ended.total, ended.learnt) == (27 - 4 + 3, 7 - 4 + 3 - 1)


@pytest.mark.parametrize(
    ("ids", "learnt"),
    [
        ([1, 0, 2, 0, 0], "00011"),
        ([1, 0, 2, 0, 1, 0, 2, 0], "00010001"),
        ([1, 0, 1, 0, 2, 0], "000000"),  # two questions in a row hide the answer
        ([1, 0, 2, 0, 1, 0], "000100"),
        ([2, 0, 1, 0, 2, 0], "010001"),
        ([1, 0, 2, 0, 2, 0], "000111"),  # two answers are one, marker and all
        ([3, 0, 2, 0], "0000"),
        ([1, 0, 3, 0], "0000"),
        ([1, 0, 2, 9, 0], "00001"),
        ([], ""),
    ],
)
def test_the_search_for_answers_is_azure_mls(ids: list[int], learnt: str) -> None:
    found = Search([2], [1], pad=9).learnt(ids)
    assert "".join(map(str, found)) == learnt


@pytest.mark.parametrize(
    ("longest", "asked", "limit"),
    [(4096, -1, 4096), (4096, 2048, 2048), (4096, 8192, 4096), (10**30, -1, 512), (10**30, 8192, 8192)],
)
def test_the_limit(longest: int, asked: int, limit: int) -> None:
    assert limit_of({"model_max_length": longest}, asked) == limit


def test_markers_that_run_into_text_are_put_into_the_vocabulary() -> None:
    counter = made(trained("gpt2"), LLAMA2, bos_token="<s>", eos_token="</s>")
    counted = counter.count([chat("Hi", "Yes.", "Bye", "So long.")])[0]
    assert 0 < counted.before_answer < counted.total
    assert 4 <= counted.learnt < counted.total - counted.before_answer


def test_a_template_that_refuses_a_chat_says_why() -> None:
    strict = CHATML + "{% if messages[-1]['role'] == 'user' %}{{ raise_exception('no answer') }}{% endif %}"
    counter = made(
        trained("gpt2"),
        "{% if messages | length > 9 %}{{ raise_exception('too many turns') }}{% endif %}" + CHATML,
    )
    long, fine = counter.count([chat(*["Hi"] * 10), chat("Hi", "Yes.")])
    assert long.fault is not None
    assert "too many turns" in long.fault
    assert (fine.fault, fine.learnt > 0) == (None, True)
    with pytest.raises(ValueError, match="no answer"):
        made(trained("gpt2"), strict)  # the probe for markers ends with a question once


@pytest.mark.parametrize("content", [None, 5])
def test_content_that_is_no_text_is_the_templates_matter(content: Any) -> None:
    messages = [{"role": "user", "content": content}, {"role": "assistant", "content": "Yes."}]
    assert made(trained("gpt2")).count([messages])[0].fault is not None
    lenient = CHATML.replace("+ m['content'] +", "~ m['content'] ~")
    assert made(trained("gpt2"), lenient).count([messages])[0].fault is None


@pytest.mark.parametrize(
    ("tokenizer_json", "config"),
    [(b"{}", {"chat_template": CHATML}), (None, {}), (None, {"chat_template": "{% if"}),
     (None, {"chat_template": "Hello"})],
)  # fmt: skip
def test_what_is_no_model_is_refused(tokenizer_json: bytes | None, config: dict[str, str]) -> None:
    files = tokenizer_json or trained("gpt2").to_str().encode()
    with pytest.raises(ValueError, match=r"no |template|leaves"):
        TokenCounter.of(files, json.dumps(config).encode())


def test_the_config_may_hold_several_templates() -> None:
    config = {"chat_template": [{"name": "tools", "template": "x"}, {"name": "default", "template": CHATML}]}
    counter = TokenCounter.of(trained("gpt2").to_str().encode(), json.dumps(config).encode())
    assert counter.count([chat("Hi", "Yes.")])[0].learnt > 0


@pytest.mark.parametrize(
    ("text", "tokens"), [("", 0), ("a" * 38, 10), ("é" * 10, 60.2), ("я" * 118, 100), ("中" * 54, 100)]
)
def test_an_estimate_tells_scripts_apart(text: str, tokens: float) -> None:
    assert Estimate().text(text) == pytest.approx(tokens, rel=0.01)
    assert Estimate().text("a" * 38 + text) == pytest.approx(10 + tokens, rel=0.01)


def test_an_estimate_fitted_to_counted_chats_is_nearer(tokenizer: Tokenizer) -> None:
    words = " ".join(topics.topics.values()).split()  # always the same text
    chats = [
        chat(" ".join(words[n : n + 60]), " ".join(words[n + 60 : n + 200])) for n in range(0, 8000, 200)
    ]
    counted = [(one, tokens.total) for one, tokens in zip(chats, made(tokenizer).count(chats), strict=True)]
    fitted, plain = Estimate.fitted(counted[::2]), Estimate()
    far = [sorted(abs(guess.chat(one) / n - 1) for one, n in counted[1::2]) for guess in (fitted, plain)]
    assert far[0][len(far[0]) // 2] < far[1][len(far[1]) // 2]
    assert 0 < fitted.error < 0.5
    assert Estimate.fitted([]) == plain


@given(texts=st.lists(st.tuples(SIGNS, SIGNS | st.text(max_size=30)), min_size=1, max_size=6))
@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_totals_are_those_of_counting(counter: TokenCounter, texts: list[tuple[str, str]]) -> None:
    chats = [chat(*(text.encode("utf-8", "ignore").decode() for text in pair)) for pair in texts]
    chats.append(chat(f"a {counter.pad} b", f"{counter.pad}{counter.pad}"))
    for some in (chats, chats[:-1]):
        assert counter.totals(some) == [one.total for one in counter.count(some)]


@given(text=st.text("abcxyzQZ '\u2019tls.é1\n", max_size=60))
@settings(max_examples=400, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_pairs_bound_the_tokens_of_a_text(tokenizer: Tokenizer, text: str) -> None:
    pairs = Pairs(tokenizer)
    assert len(tokenizer.encode(text, add_special_tokens=False).ids) <= pairs.most([text.encode()])
    assert pairs.most([b""]) == pairs.most([]) == pairs.most([b"", b""]) == 0


def test_a_counter_that_others_use_meanwhile_counts_the_same(
    tokenizer: Tokenizer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One process checks several data sets at once with the one counter of their base model."""
    counter = made(tokenizer)
    mine, others = ([[Message("user", f"{who} asks {n} things")] for n in range(3)] for who in ("one", "two"))
    wanted = [one.total for one in made(tokenizer).count(mine)]
    sound, meddling = counter._counts, True

    def counts(pieces: list[str]) -> list[int]:
        nonlocal meddling
        if meddling:
            meddling = False
            monkeypatch.setattr(tokens, "MOST_KNOWN", 0)
            counter.count(others)
            counter.totals(others)
        return sound(pieces)

    counter.count(mine[:1])  # some words are known already
    monkeypatch.setattr(counter, "_counts", counts)
    assert counter.totals(mine) == wanted
