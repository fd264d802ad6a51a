"""Reports of data that would break a page: markup, endless words, many scripts, every code, nothing."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING

from shared.datasets import CHECKS, Finding, Report, compared
from shared.datasets.preview import Shown
from tests.datasets.helpers import chat, check, good, jsonl
from tests.datasets.tokenizing import files

if TYPE_CHECKING:
    from collections.abc import Iterator

HACK = "document.documentElement.dataset.hacked=1"
INJECTIONS = [
    f"<script>{HACK}</script>",
    f"</span></style></title><script>{HACK}</script>",
    f'"><img src=x onerror="{HACK}">',
    f"'><svg onload='{HACK}'>",
    f"<iframe srcdoc='<script>parent.{HACK}</script>'></iframe>",
    f'<a href="javascript:{HACK}" autofocus onfocus="{HACK}">x</a>',
    f"<style>@import url(x);*{{display:none}}</style><body onload={HACK}>",
    "{{ 7 * 7 }}{% raw %}${7*7}<!-- ]]> -->",
    "\u202eevil\u2066 over\u2069ride\u202c \u200b\ufeff \x00\x1b[31m",
]
WORD = "x" * 10_000
WIDE = [
    WORD,
    "漢字かな交じり文" * 500,
    "\U0001f468\u200d\U0001f469\u200d\U0001f467\u200d\U0001f466" * 300,
    "مرحبا بالعالم " * 40,
    "a\u0301" * 3000,
    "http://example.com/" + "a" * 3000,
]
TEXTS = [*INJECTIONS, *WIDE]
HUGE = 10**18


def pages() -> Iterator[tuple[str, Report, str]]:
    """Give a name, a report, and the data set's title."""
    rows = [chat(text, text) for text in TEXTS]
    refused = [{"messages": [{"role": text, "content": text}, {}], text: text} for text in TEXTS]
    broken = [text.encode() for text in TEXTS]
    yield "plain", compared(check(jsonl(good(300))), check(jsonl(good(250))), "support-20260101"), "support/a"
    yield "nothing", check(b""), "support/empty.jsonl"
    yield "one-row", check(jsonl([chat("Hello?", "Hi.")])), "support/one.jsonl"
    hostile = check(jsonl([*rows, *refused, *broken, *good(60)]), max_bad_fraction=1)
    yield "hostile", compared(hostile, check(jsonl(good())), INJECTIONS[1]), INJECTIONS[2]
    wide = [chat(text, text) for text in [INJECTIONS[-1], *WIDE]]
    yield "many-scripts", check(jsonl([json.dumps(row, ensure_ascii=False).encode() for row in wide])), "漢字"
    shown = Shown(1, [], rendered="<|user|>\n" + "\n<|end|>\n".join(TEXTS))
    yield "rendered", replace(check(jsonl(good())), preview=(shown,)), "support/a.jsonl"
    every = jsonl([*rows, *good(60), *refused, b'{"messages": []}'])
    yield "counted", check(every, tokenizer=files(200), max_bad_fraction=1), "support/counted.jsonl"
    yield "long-names", compared(replace(hostile, reason=WORD), hostile, WORD), f"support/{WORD}"
    yield "every-code", every_code(), "support/all.jsonl"
    yield "huge", huge(), "support/huge.jsonl"


def every_code() -> Report:
    """All codes at once, fifty lines of each with a hostile text."""
    findings = tuple(
        Finding(code, one.severity, HUGE + line, INJECTIONS[line % len(INJECTIONS)], one.expected, one.help)
        for code, one in CHECKS.items()
        for line in range(50)
    )
    return replace(
        check(jsonl(good()), max_bad_fraction=1), findings=findings, counts=dict.fromkeys(CHECKS, HUGE)
    )


def huge() -> Report:
    """Figures of nineteen digits in every place."""
    report = check(jsonl(good()))
    rows = replace(
        report.rows, **dict.fromkeys(("total", "accepted", "refused", "duplicates", "train", "test"), HUGE)
    )
    spread = {**report.statistics["turns"], "max": HUGE, "median": HUGE, "p95": HUGE}
    buckets = [(round(2 ** ((n + 1) / 2)), HUGE - n) for n in range(80)]
    statistics = {
        **report.statistics,
        "characters": {**spread, "histogram": buckets, "exact": []},
        "estimated_tokens": HUGE,
        "total_characters": HUGE,
        "languages": [(f"l{n}", HUGE) for n in range(40)],
        "sampled": HUGE,
        "near_copies": HUGE - 1,
    }
    large = replace(report, rows=rows, statistics=statistics)  # type: ignore[arg-type]
    return compared(large, report, "then")
