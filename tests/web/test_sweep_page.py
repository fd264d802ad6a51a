"""A sweep's page: what went, what stays and why, the money; it runs nothing, and fits the screen."""

from __future__ import annotations

import json
import subprocess
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from shared.app import saving
from shared.app.sweep import sweep
from shared.app.sweep_report import SweepReport
from shared.domain.sweep import Verdict
from shared.domain.tags import INSTALLATION, KEEP
from shared.web import sweep_page
from tests.app.life import Life
from tests.app.test_sweep import pass_hours, served
from tests.datasets.test_page_browser import CHROMIUM, FLAGS
from tests.domain.builders import NOON
from tests.web.test_run_page import HOSTILE, Tags

if TYPE_CHECKING:
    from pathlib import Path


def everything(text: str = "quiet") -> SweepReport:
    """One verdict of each kind."""
    actions = ["take", "mark", "later", "tell", "keep"]
    verdicts = [
        Verdict(f"{text}-{action}", "blue", action, "idle", text, "support", "r", 2681.0, 2681.0)
        for action in actions
    ]
    verdicts.append(Verdict(f"{text}-theirs", None, "keep", "not-ours", text, costs_monthly_usd=None))
    return SweepReport(
        at=NOON,
        dry_run=False,
        digest="0" * 16,
        verdicts=tuple(verdicts),
        taken=(verdicts[0],),
        errors={text: text},
        saves_monthly_usd=2681.0,
        unpriced=1,
        saved_usd=12_345.0,
    )


def test_a_sweep_s_page_tells_what_went_what_stays_and_the_money() -> None:
    life = Life()
    run = served(life)
    life.world.endpoints.create("theirs", "key", {INSTALLATION: "another"})
    life.world.endpoints.create("kept", "key", {INSTALLATION: "tests", KEEP: "the fair"})
    pass_hours(life, run, 2)
    dry = sweep(life.world, dry_run=True)
    page = sweep_page.render(dry, saving.by_month(life.world))
    assert "1 would go, 1 stay, 1 not ours" in page
    assert f"droptune sweep --plan {dry.digest}" in page
    report = sweep(life.world, dry_run=False)
    life.at += timedelta(hours=10)
    page = sweep_page.render(report, saving.by_month(life.world))
    assert "1 went, 1 stay, 1 not ours" in page
    assert "What went saves $2,681 a month." in page
    assert '<td>2026-11</td><td class="number">1</td><td class="number">$2,681</td>' in page
    assert "kept: the fair" in page


def test_nothing_that_a_sweep_found_can_run_or_load() -> None:
    tags = Tags(sweep_page.render(everything(HOSTILE), [(HOSTILE, 1, 1.0)])).found
    assert not {tag for tag, _ in tags} & {"script", "img", "iframe", "object", "embed", "link", "a", "form"}
    assert not [
        key for _, attributes in tags for key in attributes if key.startswith("on") or key in {"src", "href"}
    ]


@pytest.mark.skipif(CHROMIUM is None, reason="no Chromium here")
@pytest.mark.parametrize("width", [390, 1280])
def test_the_page_fits_the_screen(tmp_path: Path, width: int) -> None:
    page = sweep_page.render(everything("x" * 32), [("2026-11", 3, 8043.0), ("2026-10", 1, 2681.0)])
    measure = (
        "<script>const r=document.documentElement;"
        "r.dataset.wide=[...document.body.querySelectorAll('*')]"
        ".filter(o=>o.getBoundingClientRect().right>r.clientWidth+1).length;</script>"
    )
    allowed = page.replace("default-src 'none'", "default-src 'none'; script-src 'unsafe-inline'")
    path = tmp_path / "sweep.html"
    path.write_text(allowed.replace("</body>", f"{measure}</body>"), "utf-8")
    flags = [flag for flag in FLAGS if not flag.startswith("--window-size")]
    done = subprocess.run(
        [str(CHROMIUM), *flags, f"--window-size={width},900", path.as_uri()],
        check=True,
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert 'data-wide="0"' in done.stdout


BROKEN = """
<iframe id="phone" style="width: 390px; height: 900px; border: 0"></iframe>
<script>
const phone = document.getElementById("phone"), cut = [];
phone.onload = () => {
  const page = phone.contentDocument, walk = page.createTreeWalker(page.body, NodeFilter.SHOW_TEXT);
  while (walk.nextNode()) for (const word of walk.currentNode.data.matchAll(/[a-z]{2,9}/gi)) {
    const range = page.createRange();
    range.setStart(walk.currentNode, word.index);
    range.setEnd(walk.currentNode, word.index + word[0].length);
    if (new Set([...range.getClientRects()].map((one) => one.top)).size > 1) cut.push(word[0]);
  }
  document.documentElement.dataset.cut = cut.join(" ");
};
phone.srcdoc = PAGE;
</script>
"""


@pytest.mark.skipif(CHROMIUM is None, reason="no Chromium here")
def test_a_phone_breaks_no_short_word_in_two(tmp_path: Path) -> None:
    """`idle` stood there as `id` and `le`: a column that may break anywhere gets narrower than its words."""
    name, why = "acme-support-german-5af7fc78", "no request for 4321 minutes, alive in 4320 of 4321"
    verdicts = [
        Verdict(name, "r20e3df0bde", "mark", "idle", why, "support", "r", 2681.0, 2681.0),
        Verdict("theirs", None, "keep", "not-ours", "it does not carry this installation's tag"),
    ]
    report = replace(everything(), verdicts=tuple(verdicts), taken=(), errors={"acme-x": "503"})
    page = sweep_page.render(report, [])
    path = tmp_path / "phone.html"
    path.write_text(BROKEN.replace("PAGE", json.dumps(page).replace("<", "\\u003c")), "utf-8")
    done = subprocess.run(
        [str(CHROMIUM), *FLAGS, path.as_uri()], check=True, capture_output=True, text=True, timeout=120
    )
    assert 'data-cut=""' in done.stdout
