"""The page in a real browser: nothing is wider than the screen, nothing that rows hold is run."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from base64 import b64encode
from dataclasses import dataclass
from functools import cache
from hashlib import sha256
from html import unescape
from typing import TYPE_CHECKING

import pytest

from shared.datasets import render_html
from tests.datasets.hostile_pages import HACK, pages

if TYPE_CHECKING:
    from pathlib import Path

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
FLAGS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--hide-scrollbars",
    "--window-size=1400,1000",
    "--virtual-time-budget=3000",
    "--dump-dom",
)
NAMES = (
    "plain",
    "nothing",
    "one-row",
    "hostile",
    "many-scripts",
    "rendered",
    "counted",
    "long-names",
    "every-code",
    "huge",
)
WIDTHS = (390, 1280)
MEASURE = """
for (const one of document.querySelectorAll("details")) one.open = true;
const root = document.documentElement, wide = root.clientWidth;
const outside = (one) => {
  const box = one.getBoundingClientRect();
  return box.right > wide + 1 || box.left < -1 || (one.clientWidth && one.scrollWidth > one.clientWidth + 1);
};
const out = [...document.body.querySelectorAll("*")].filter(outside);
root.dataset.wide = wide;
root.dataset.scroll = root.scrollWidth;
root.dataset.out = out.map((one) => `${one.tagName}.${one.className}`).slice(0, 9).join(" ");
root.dataset.foreign = document.querySelectorAll("script:not(#told), iframe, img, [onload], a").length;
"""
PAD = "document.documentElement.dataset.pad = getComputedStyle(document.querySelector('main')).maxWidth;"
TELL = """
addEventListener("load", () => setTimeout(() => {
  parent.postMessage({...document.documentElement.dataset}, "*");
}, 300));
"""
# A window is never narrower than 500, but a frame is.
TELLING = """<!doctype html><html><body><pre id="all"></pre><script>
const told = [];
addEventListener("message", (one) => {
  const frames = [...document.querySelectorAll("iframe")];
  told[frames.findIndex((frame) => frame.contentWindow === one.source)] = one.data;
  document.getElementById("all").textContent = JSON.stringify(told);
});
</script>
"""
FRAME = '<iframe src="%d.html" style="border: 0; height: 900px; width: %dpx"></iframe>\n'
POLICY = re.compile(r'<meta http-equiv="Content-Security-Policy" content="([^"]*)">')

pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="no Chromium is installed: apt install chromium")


@dataclass(frozen=True)
class View:
    """A page, a script of ours to run in it, and the screen's width."""

    page: str
    script: str
    width: int = 1280


@cache
def made() -> dict[str, str]:
    """Give each page by its name."""
    return {name: render_html(report, title) for name, report, title in pages()}


def seen(folder: Path, *views: View) -> list[dict[str, str]]:
    """Load pages; tell of each what is on its root element when all is done.

    The policy, where a page has one, lets the view's script run and no other.
    """
    for number, view in enumerate(views):
        (folder / f"{number}.html").write_text(scripted(view), "utf-8")
    frames = "".join(FRAME % (number, view.width) for number, view in enumerate(views))
    (folder / "all.html").write_text(TELLING + frames + "</body></html>", "utf-8")
    done = subprocess.run(
        [str(CHROMIUM), *FLAGS, f"--user-data-dir={folder / 'profile'}", (folder / "all.html").as_uri()],
        capture_output=True,
        text=True,
        timeout=200,
        check=True,
    )
    told = re.search(r'<pre id="all">(.*?)</pre>', done.stdout, re.DOTALL)
    assert told is not None, done.stderr
    found: list[dict[str, str]] = json.loads(unescape(told[1]))
    assert len(found) == len(views)
    return found


def scripted(view: View) -> str:
    script = view.script + TELL
    digest = b64encode(sha256(script.encode()).digest()).decode()
    allowed = f"default-src 'none'; script-src 'sha256-{digest}';"
    page = view.page.replace("default-src 'none';", allowed, 1)
    return page.replace("</body>", f'<script id="told">{script}</script></body>')


@pytest.fixture(scope="module")
def looked_at(tmp_path_factory: pytest.TempPathFactory) -> dict[tuple[str, int], dict[str, str]]:
    """Look at every page in every width, with every script allowed, so that the escaping alone must hold."""
    kinds = [(name, width) for name in NAMES for width in WIDTHS]
    views = [View(POLICY.sub("", made()[name]), MEASURE, width) for name, width in kinds]
    return dict(zip(kinds, seen(tmp_path_factory.mktemp("pages"), *views), strict=True))


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("name", NAMES)
def test_nothing_is_wider_than_the_screen_and_nothing_is_run(
    looked_at: dict[tuple[str, int], dict[str, str]], name: str, width: int
) -> None:
    found = looked_at[name, width]
    assert (found["wide"], found["out"], found["foreign"]) == (str(width), "", "0")
    assert int(found["scroll"]) <= width
    assert "hacked" not in found


def test_every_page_is_looked_at_and_has_its_policy() -> None:
    assert set(NAMES) == set(made())
    assert all(POLICY.search(page) for page in made().values())


def test_the_policy_stops_even_a_script_that_is_not_escaped(tmp_path: Path) -> None:
    page = made()["plain"].replace("</main>", f"<script>{HACK}</script></main>")
    guarded, bare = seen(tmp_path, View(page, PAD), View(POLICY.sub("", page), PAD))
    assert "hacked" not in guarded
    assert "hacked" in bare
    assert guarded["pad"] == "992px", "the policy lets the page's own style in"


def test_what_is_too_wide_is_seen(tmp_path: Path) -> None:
    page = made()["plain"].replace("</main>", f"<p><nobr>{'x' * 900}</nobr></p></main>")
    [found] = seen(tmp_path, View(POLICY.sub("", page), MEASURE))
    assert "NOBR" in found["out"]
    assert int(found["scroll"]) > 1280
