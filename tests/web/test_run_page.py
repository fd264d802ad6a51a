"""A run's page: what it shows, and that it runs nothing, whatever a run's texts hold."""

from __future__ import annotations

import re
from datetime import timedelta
from html.parser import HTMLParser

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from shared.domain.errors import Problem
from shared.domain.run import State, moved
from shared.domain.survey import Finding
from shared.web import curves, run_page
from tests.domain.builders import NOON, estimate, run

LOSS = [(10, 2.5), (20, 1.5), (30, 1.0)]
CURVES = {
    "loss": LOSS,
    "eval_loss": [(30, 1.2)],
    "learning_rate": [(10, 5e-6), (30, 0.0)],
    "epoch": [(1, 1.0)],
}
HOSTILE = "<script>alert(1)</script><img src=x onerror=alert(1)>\u202e&\"'"


class Tags(HTMLParser):
    """Collects what a browser would make of a page."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))


def test_curves_are_plotted_with_their_last_values() -> None:
    page = run_page.render(run(State.TRAINING, job="j-a1", metrics={"eval_loss": 1.2}), CURVES, NOON)
    assert page.count("<svg") == 2
    assert page.count("<polyline") == 3
    assert "Loss over steps 10 to 30: training ends at 1; held-out rows ends at 1.2." in page
    assert "Curves of job j-a1" in page
    assert '<td class="number">1.2</td>' in page


def test_a_run_without_figures_has_a_page_too() -> None:
    page = run_page.render(run(), {}, NOON)
    assert "<svg" not in page
    assert "was dropped" in page


def test_figures_of_the_base_model_and_tokens_are_shown() -> None:
    page = run_page.render(run(base_eval_loss=1.25, tokens={"training": 12_345}), {}, NOON)
    assert "1.25" in page
    assert "12,345" in page


def test_nothing_of_a_run_can_run_or_load() -> None:
    hostile = run(
        State.FAILED,
        reason=HOSTILE,
        problem=Problem(HOSTILE, HOSTILE, HOSTILE),
        preflight=(Finding(HOSTILE, "warning", HOSTILE, HOSTILE),),
        job=HOSTILE,
        metrics={HOSTILE: 1.0},
        tokens={HOSTILE: 1},
    )
    hostile = replace(hostile, endpoint=HOSTILE, deployment=HOSTILE)
    for state in (State.DEPLOYING, State.TESTING, State.CANCELLED):
        hostile = moved(
            hostile, state, HOSTILE, NOON, by=HOSTILE, figures={"rule": HOSTILE, "taken": HOSTILE}
        )
    page = run_page.render(hostile, {**CURVES, HOSTILE: LOSS}, NOON)
    tags = Tags(page).found
    assert not {tag for tag, _ in tags} & {"script", "img", "iframe", "object", "embed", "link", "a", "form"}
    assert not [
        key for _, attributes in tags for key in attributes if key.startswith("on") or key in {"src", "href"}
    ]
    assert "\u202e" not in page
    policy = next(a["content"] for _, a in tags if a.get("http-equiv") == "Content-Security-Policy")
    assert str(policy).startswith("default-src 'none'")


def test_what_each_step_cost_is_shown_once_something_did() -> None:
    assert "What it cost" not in run_page.render(run(), {}, NOON)
    served = run(State.DEPLOYING, estimate=estimate(), endpoint="support-1", deployment="r1")
    served = moved(served, State.TESTING, "it is ready", NOON + timedelta(hours=1))
    page = run_page.render(served, {}, NOON + timedelta(hours=3))
    assert "<strong>$11.02</strong>: training $0.00, serving $11.02" in page
    assert "deployment r1 of support-1 still bills: $88.15 a day" in page
    assert "ETag 0x1" in page
    assert '<td class="number">2.0 h so far</td><td class="number">$7.35</td>' in page


def test_the_page_is_for_light_and_dark() -> None:
    page = run_page.render(run(), CURVES, NOON)
    assert "prefers-color-scheme: dark" in page
    assert not re.search(r'(fill|stroke)="#', page)


@given(
    st.lists(
        st.tuples(st.integers(0, 10**7), st.floats(allow_nan=False, allow_infinity=False, width=32)),
        min_size=1,
        max_size=80,
        unique_by=lambda point: point[0],
    )
)
def test_every_point_lies_inside_its_plot(points: list[tuple[int, float]]) -> None:
    [plot] = curves.plots({"loss": sorted(points)})
    for pair in plot.lines[0].points.split():
        across, up = map(float, pair.split(","))
        assert curves.LEFT <= across <= curves.WIDTH - curves.RIGHT
        assert curves.TOP <= up <= curves.HEIGHT - curves.BOTTOM
    assert all(curves.TOP <= tick.at <= curves.HEIGHT - curves.BOTTOM for tick in plot.up)
    assert len(plot.up) <= 8


@pytest.mark.parametrize("value", [0.0, 1.0, -3.5, 1e-12, 5e20])
def test_a_flat_line_has_a_place(value: float) -> None:
    [plot] = curves.plots({"loss": [(1, value), (2, value)]})
    assert plot.lines[0].dots[0][1] == pytest.approx(
        curves.TOP + (curves.HEIGHT - curves.TOP - curves.BOTTOM) / 2
    )


def test_the_traffic_is_plotted_over_time_and_each_decision_has_its_figures() -> None:
    the_run = run(State.PROMOTING, deployment="rnew")
    seen = ({"rold": 90, "rnew": 10}, {"rold": 50, "rnew": 50}, {"rold": 100})
    for minutes, shares in enumerate(seen):
        figures = {"traffic": shares, "rule": "errors", "challenger_errors": 3}
        the_run = moved(
            the_run, State.PROMOTING, "a step", NOON + timedelta(minutes=minutes), figures=figures
        )
    page = run_page.render(the_run, {}, NOON)
    assert "rnew (this run) 0 %" in page
    assert "rold 100 %" in page
    lines = [attrs["points"] for tag, attrs in Tags(page).found if tag == "polyline"]
    old, new = (line.split() for line in lines if line)
    assert len(old) == len(new) == 6  # each share is held until the next is seen
    heights = [float(point.split(",")[1]) for point in new]
    assert heights[0] > heights[2]  # 10 % is drawn below 50 %
    assert heights[4] > heights[0]  # and nothing below both
    assert "Traffic from 2026-11-24 12:00:00" in page
    for told in ("traffic rold 90 %, rnew 10 %", "rule errors", "challenger_errors 3"):
        assert told in page


def test_a_run_without_traffic_has_no_plot_of_it() -> None:
    assert "<h2>Traffic</h2>" not in run_page.render(run(), {}, NOON)
