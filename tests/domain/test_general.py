from __future__ import annotations

import pytest

from shared.domain import general, smoke
from shared.domain.recipe import Evaluation, Recipe
from shared.domain.smoke import Answer, Question

ASKED = [
    Question(f"q{n}", ({"role": "user", "content": f"q{n}"},), counted=(f"a{n}",), general=True)
    for n in range(8)
]


def answers(right: str) -> list[Answer]:
    """One answer a question: x knows it, . does not."""
    return [
        smoke.judge(question, f"It is a{n}." if known == "x" else "No idea.", 1)
        for (n, question), known in zip(enumerate(ASKED), right, strict=True)
    ]


def test_a_general_question_is_counted_and_fails_nothing() -> None:
    said = [smoke.judge(ASKED[0], text, 1) for text in ("It is A0.", "No idea.", "")]
    assert [answer.passed for answer in said] == [True, True, True]
    assert general.right(said) == 1
    assert [answer.empty for answer in said] == [False, False, True]  # it is asked again


@pytest.mark.parametrize(
    ("said", "right"), [("It has 8 legs.", True), ("In 1980.", False), ("80 of them", False), ("(8)", True)]
)
def test_a_number_is_looked_for_as_a_whole(said: str, *, right: bool) -> None:
    question = Question("legs", ({"role": "user", "content": "legs"},), counted=("8",), general=True)
    assert bool(smoke.judge(question, said, 1).found) is right


def test_the_recipe_may_say_how_many_must_be_right() -> None:
    recipe = Recipe(evaluation=Evaluation(min_general=0.5))
    assert general.fault(answers("xxxx...."), recipe, ()) is None
    fault = general.fault(answers("xxx....."), recipe, ())
    assert fault is not None
    assert fault[0] == (
        "3 of 8 general questions were answered right; expected evaluation.min_general (0.5) of them."
    )


@pytest.mark.parametrize(
    ("challenger", "champion", "stopped"),
    [
        ("........", "xxxxxxxx", True),
        ("xxx.....", "xxxxxxxx", True),  # five that only the champion knew: 1 in 32 by chance
        ("xxxx....", "xxxxxxxx", False),  # four: 1 in 16
        (".....xxx", "xxxxx...", False),  # as good, of others
        ("........", "........", False),
        ("xxxxxxxx", "........", False),
    ],
)
def test_a_challenger_must_not_surely_know_less_than_the_champion(
    challenger: str, champion: str, *, stopped: bool
) -> None:
    fault = general.fault(answers(challenger), Recipe(), answers(champion))
    assert (fault is not None) is stopped


def test_only_the_same_questions_are_compared() -> None:
    asked_before = [Answer("another", passed=True, seconds=1, found=("a",), general=True) for _ in range(8)]
    assert general.fault(answers("........"), Recipe(), asked_before) is None
    assert general.fault([], Recipe(evaluation=Evaluation(min_general=1)), answers("xxxxxxxx")) is None


def test_chance_is_the_sign_tests() -> None:
    assert general.by_chance(5, 5) == 1 / 32
    assert general.by_chance(0, 4) == 1
    assert general.by_chance(3, 4) == 5 / 16
