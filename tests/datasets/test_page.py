from __future__ import annotations

from shared.datasets import render_html
from tests.datasets.helpers import chat, check, good, jsonl


def test_what_users_write_is_escaped() -> None:
    report = check(
        jsonl([*good(), {"messages": [{"role": "<script>alert(1)</script>", "content": "x"}, {}]}])
    )
    page = render_html(report, "support/<img src=x>.jsonl")
    assert "<script" not in page
    assert "<img" not in page
    assert "&lt;img src=x&gt;" in page


def test_the_page_loads_nothing_and_says_the_verdict() -> None:
    page = render_html(check(jsonl(good())), "support/a.jsonl")
    assert "default-src 'none'" in page
    assert "http://" not in page
    assert "https://" not in page
    assert ">Usable<" in page


def test_each_finding_stands_on_the_page() -> None:
    page = render_html(check(jsonl([*good(), b"oops", chat("<|user|>")])), "a")
    assert "DT201" in page
    assert "DT501" in page
    assert ">41<" in page
