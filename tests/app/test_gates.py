"""The gates as people see them: figures, limits, verdicts."""

from __future__ import annotations

from shared.app import gates, views
from shared.web import run_page
from tests.app.life import Life
from tests.app.test_comparing import COMPARES, figures, trained
from tests.app.test_rollout import Rollout


def told(life: Life, compared: dict[str, dict[int, float]]) -> dict[str, gates.Gate]:
    life.storage.recipes.put("support", COMPARES)
    run = trained(life, "support/a.jsonl", "one", compared)
    return {gate.name: gate for gate in gates.of(run)}


def test_a_run_that_went_live_passed_each_gate_with_figures_and_limits() -> None:
    life = Life()
    found = told(life, figures((0.5, 3.0), (1.0, 1.0)))
    assert list(found) == ["evaluation", "comparison", "forgetting", "questions"]
    assert {gate.verdict for gate in found.values()} == {"passed"}
    assert found["comparison"].found.startswith("loss 0.70")
    assert "95 %) over 24 chats" in found["comparison"].found
    assert found["comparison"].limit == "lower end above 0"
    assert found["forgetting"].limit.startswith("loss at most 1.3")
    assert "slowest" in found["questions"].found


def test_the_gate_that_stopped_it_says_so_on_the_page_and_in_json_too() -> None:
    life = Life()
    life.storage.recipes.put("support", COMPARES)
    run = trained(life, "support/a.jsonl", "one", figures((0.003, 5.0), (3.0, 1.0)))
    found = {gate.name: gate.verdict for gate in gates.of(run)}
    assert found == {"evaluation": "passed", "comparison": "passed", "forgetting": "stopped"}
    page = run_page.render(run, {}, life.at)
    assert '<td class="word">forgetting</td><td class="word">stopped</td>' in page
    assert "limit: loss at most" in page
    assert [gate["verdict"] for gate in views.whole(run)["gates"]] == ["passed", "passed", "stopped"]


def test_each_step_of_the_rollout_is_a_gate() -> None:
    stage = Rollout()
    for share in (10, 50):
        stage.until_share(share)
    run = stage.life.until(stage.name, "live")
    steps = [gate for gate in gates.of(run) if gate.name.startswith("rollout")]
    assert [(gate.name, gate.verdict, gate.limit) for gate in steps] == [
        ("rollout at 10 %", "go", "no-worse"),
        ("rollout at 50 %", "go", "no-worse"),
    ]
    assert "challenger 0 errors of" in steps[0].found
