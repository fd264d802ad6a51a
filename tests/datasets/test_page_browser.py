"""The page in a real browser: nothing is wider than the screen, nothing that rows hold is run."""

from __future__ import annotations

import re
import shutil
import subprocess
from base64 import b64encode
from functools import cache
from hashlib import sha256
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
    "long-names",
    "every-code",
    "huge",
)
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
FRAME = """<!doctype html><html><body style="margin: 0"><script>
addEventListener("message", (told) => Object.assign(document.documentElement.dataset, told.data));
</script><iframe src="page.html" style="border: 0; height: 900px; width: %dpx"></iframe></body></html>
"""
POLICY = re.compile(r'<meta http-equiv="Content-Security-Policy" content="([^"]*)">')

pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="no Chromium is installed: apt install chromium")


@cache
def made() -> dict[str, str]:
    """Give each page by its name."""
    return {name: render_html(report, title) for name, report, title in pages()}


def seen(page: str, folder: Path, script: str, width: int = 1280) -> dict[str, str]:
    """Load a page with a script of ours in it; read what is on its root element when all is done.

    The policy, where the page has one, lets this script run and no other.
    """
    script += TELL
    digest = b64encode(sha256(script.encode()).digest()).decode()
    page = page.replace("default-src 'none';", f"default-src 'none'; script-src 'sha256-{digest}';", 1)
    page = page.replace("</body>", f'<script id="told">{script}</script></body>')
    (folder / "page.html").write_text(page, "utf-8")
    frame = folder / "frame.html"
    frame.write_text(FRAME % width)
    done = subprocess.run(
        [str(CHROMIUM), *FLAGS, f"--user-data-dir={folder / 'profile'}", frame.as_uri()],
        capture_output=True,
        text=True,
        timeout=120,
        check=True,
    )
    root = re.search(r"<html[^>]*>", done.stdout)
    assert root is not None, done.stderr
    found = dict(re.findall(r'data-(\w+)="([^"]*)"', root[0]))
    assert found, "the page's own script did not run"
    return found


@pytest.mark.parametrize("width", [390, 1280])
@pytest.mark.parametrize("name", NAMES)
def test_nothing_is_wider_than_the_screen_and_nothing_is_run(name: str, width: int, tmp_path: Path) -> None:
    """Every script is allowed here, so that the escaping alone must hold."""
    page = made()[name]
    assert POLICY.search(page)
    found = seen(POLICY.sub("", page), tmp_path, MEASURE, width)
    assert (found["wide"], found["out"], found["foreign"]) == (str(width), "", "0")
    assert int(found["scroll"]) <= width
    assert "hacked" not in found


@pytest.mark.parametrize("guarded", [True, False])
def test_the_policy_stops_even_a_script_that_is_not_escaped(tmp_path: Path, *, guarded: bool) -> None:
    page = made()["plain"].replace("</main>", f"<script>{HACK}</script></main>")
    found = seen(page if guarded else POLICY.sub("", page), tmp_path, PAD)
    assert ("hacked" in found) is not guarded


def test_the_policy_lets_the_pages_own_style_in(tmp_path: Path) -> None:
    assert seen(made()["plain"], tmp_path, PAD)["pad"] == "992px"


def test_what_is_too_wide_is_seen(tmp_path: Path) -> None:
    page = made()["plain"].replace("</main>", f"<p><nobr>{'x' * 900}</nobr></p></main>")
    found = seen(POLICY.sub("", page), tmp_path, MEASURE)
    assert "NOBR" in found["out"]
    assert int(found["scroll"]) > 1280
