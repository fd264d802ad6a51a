"""A run's gates for people, in their order: what was found, what was allowed, and whether it passed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from shared.domain import general, smoke

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from shared.domain.run import Run

EVALUATION = frozenset(
    {"gate-no-eval-loss", "gate-diverged", "gate-eval-loss", "gate-not-better", "gate-regression"}
)
COMPARISON = frozenset({"gate-compared", "gate-not-compared"})
QUESTIONS = frozenset({"smoke-failed", "smoke-slow", "smoke-facts", "smoke-forgot"})


@dataclass(frozen=True)
class Gate:
    """One gate. verdict: passed, stopped, or what a step of the rollout decided."""

    name: str
    found: str
    limit: str
    verdict: str


def of(run: Run) -> list[Gate]:
    """List the gates that the run came to."""
    return [*_trained(run), *_asked(run), *_steps(run)]


def _trained(run: Run) -> Iterator[Gate]:
    """Read the gates before registering out of the figures that the history keeps with their limits."""
    told = next(
        (one.figures for one in run.history if one.figures.keys() & {"eval_loss", "compared_gain"}), {}
    )
    if "eval_loss" in told:
        limits = {
            "evaluation.max_eval_loss": told.get("max_eval_loss"),
            "the base model's": told.get("base_eval_loss"),
            "the champion's with evaluation.max_regression": told.get("max_with_regression"),
        }
        most = [f"{name} {value:.4g}" for name, value in limits.items() if value is not None]
        found = f"loss {told['eval_loss']:.4g} on {told.get('eval_rows', 'the')} held-out rows"
        yield Gate(
            "evaluation", found, "; ".join(most) or "nothing to compare with", _verdict(run, EVALUATION)
        )
    if "compared_gain" in told:
        limit = f"lower end above {told['compared_bound']:.4g}"
        yield Gate("comparison", _paired(told, "compared"), limit, _verdict(run, COMPARISON))
    if "general_gain" in told:
        limit = f"loss at most {told['general_max_loss']:.4g}, or not surely worse"
        yield Gate("forgetting", _paired(told, "general"), limit, _verdict(run, frozenset({"gate-forgot"})))


def _paired(told: Mapping[str, Any], name: str) -> str:
    return (
        f"loss {told[f'{name}_loss']:.4g}, was {told[f'{name}_was']:.4g}: gain {told[f'{name}_gain']:.4g} "
        f"({told[f'{name}_low']:.4g} to {told[f'{name}_high']:.4g}, 95 %) over {told[f'{name}_chats']} chats"
    )


def _asked(run: Run) -> Iterator[Gate]:
    if run.smoke is None or run.recipe is None:
        return
    passed, rules = sum(answer.passed for answer in run.smoke), run.recipe.evaluation
    asked = len(general.of(run.smoke))
    slowest = max((answer.seconds for answer in run.smoke), default=0.0)
    found = [f"{passed} of {len(run.smoke)} answered as they must be", f"slowest {slowest:.1f} s"]
    limits = ["all"]
    if rules.max_answer_seconds is not None:
        limits.append(f"evaluation.max_answer_seconds {rules.max_answer_seconds:g}")
    if rules.facts:
        right = smoke.facts_right(run.recipe, run.smoke)
        found.append(f"{right} of {len(rules.facts)} facts right")
        limits.append(f"evaluation.min_facts {rules.min_facts:g}")
    if asked:
        found.append(f"{general.right(run.smoke)} of {asked} general ones right")
        limits.append(f"evaluation.min_general {rules.min_general:g}, and surely no fewer than the champion")
    yield Gate("questions", ", ".join(found), "; ".join(limits), _verdict(run, QUESTIONS))


def _steps(run: Run) -> Iterator[Gate]:
    for change in run.history:
        told = change.figures
        if "verdict" in told:
            sides = [f"{side} {_side(told, side)}" for side in ("challenger", "champion")]
            yield Gate(
                f"rollout at {told['step']} %", "; ".join(sides), str(told["rule"]), str(told["verdict"])
            )


def _side(told: Mapping[str, Any], side: str) -> str:
    if f"{side}_requests" not in told:
        return "unknown"
    slow = f", p95 {told[f'{side}_p95_seconds']:.2f} s" if f"{side}_p95_seconds" in told else ""
    return f"{told[f'{side}_errors']} errors of {told[f'{side}_requests']} requests{slow}"


def _verdict(run: Run, codes: frozenset[str]) -> str:
    return "stopped" if run.problem is not None and run.problem.code in codes else "passed"
