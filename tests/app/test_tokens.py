"""A drop's tokens are counted with what the owners keep of the base model's tokenizer."""

from __future__ import annotations

from shared.datasets import Report
from tests.app.life import Life, chats
from tests.datasets.helpers import chat, jsonl
from tests.datasets.tokenizing import files


def report_of(life: Life, data: bytes) -> Report:
    run = life.run(life.drop(data=data))
    assert run.prepared is not None
    return Report.from_json(b"".join(life.world.prepared.read(f"{run.prepared.folder}/report.json")))


def test_rows_that_azure_ml_would_drop_are_refused_before_a_job_is_made() -> None:
    life, made = Life(), files(100)
    life.storage.recipes.put("support", "data: {max_bad_fraction: 0.1}\n")
    for name, data in (
        ("tokenizer.json", made.tokenizer),
        ("tokenizer_config.json", made.config),
        ("chat_template.jinja", made.template or b""),
    ):
        life.storage.recipes.box.write(f"tokenizers/Phi-4/{name}", data)
    report = report_of(life, chats() + jsonl([chat("x" * 200)]))
    assert (report.counts["DT602"], report.rows.refused) == (1, 1)
    assert report.tokens is not None
    assert (report.tokens["counted_by"], report.tokens["limit"]) == ("Phi-4", 100)
    assert report.prediction is not None
    assert (report.prediction.cause, report.prediction.fails_at) == ("last row", 41)


def test_without_one_tokens_are_estimated() -> None:
    report = report_of(Life(), chats())
    assert report.tokens is not None
    assert report.tokens["counted_by"] is None


def test_a_damaged_one_never_fails_a_run() -> None:
    life = Life()
    life.storage.recipes.box.write("tokenizers/Phi-4/tokenizer.json", b"<html>")
    report = report_of(life, chats())
    assert (report.verdict, report.counts["DT604"]) == ("usable", 1)
