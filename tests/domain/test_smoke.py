from __future__ import annotations

import pytest

from shared.domain import smoke
from shared.domain.errors import Rejected
from shared.domain.recipe import Evaluation, Fact, Prompt, Recipe
from shared.domain.recipe_text import read

CHAT = ({"role": "user", "content": "Hi"}, {"role": "assistant", "content": "Hello"})
RECIPE = Recipe(
    evaluation=Evaluation(
        prompts=(Prompt("Open?", must=("nine",), must_not=("closed",)),), facts=(Fact("When?", "9"),)
    )
)


def test_a_held_out_chat_then_prompts_then_facts() -> None:
    asked = smoke.questions(RECIPE, CHAT)
    assert [question.label for question in asked] == [smoke.HELD_OUT, "Open?", "When?"]
    assert asked[0].messages == CHAT[:1]


def test_a_chat_of_answers_alone_is_not_asked() -> None:
    assert [q.label for q in smoke.questions(Recipe(), CHAT[1:])] == []


def test_an_answer_must_hold_what_the_prompt_says() -> None:
    question = smoke.questions(RECIPE, ())[0]
    assert smoke.judge(question, "At NINE.", 1).passed
    missing = smoke.judge(question, "We are closed.", 1)
    assert not missing.passed
    assert missing.missing == ("nine", "closed")


def test_an_empty_answer_never_passes() -> None:
    assert not smoke.judge(smoke.questions(RECIPE, CHAT)[0], "  ", 1).passed


def test_a_fact_is_counted_and_gates_nothing() -> None:
    question = smoke.questions(RECIPE, ())[1]
    assert smoke.judge(question, "At 9", 1).found == ("9",)
    assert smoke.judge(question, "No idea", 1).passed


SHAPED = Prompt("Order?", matches=(r"\b\d{4}\b",), json_keys=("id", "total"), max_characters=40)


@pytest.mark.parametrize(
    ("answer", "missing"),
    [
        ('{"id": 1234, "total": 5}', ()),
        ('{"id": 1234}', ("the JSON key total",)),
        ("order 1234", ("the form of a JSON object",)),
        ('{"id": 1, "total": 5}', (r"a match of \b\d{4}\b",)),
        ('{"id": 1234, "total": 5, "more": "and more and more"}', ("at most 40 characters (has 53)",)),
    ],
)
def test_an_answers_shape_is_held_against_the_prompt(answer: str, missing: tuple[str, ...]) -> None:
    question = smoke.questions(Recipe(evaluation=Evaluation(prompts=(SHAPED,))), ())[0]
    judged = smoke.judge(question, answer, 1)
    assert (judged.missing, judged.passed) == (missing, not missing)


def test_an_answer_may_be_too_short() -> None:
    prompt = Prompt("Why?", min_characters=10)
    question = smoke.questions(Recipe(evaluation=Evaluation(prompts=(prompt,))), ())[0]
    assert smoke.judge(question, "So.", 1).missing == ("10 characters (has 3)",)
    assert smoke.judge(question, "Because it is so.", 1).passed


def test_an_answer_may_be_in_another_language() -> None:
    prompt = Prompt("Offen?", language="de")
    question = smoke.questions(Recipe(evaluation=Evaluation(prompts=(prompt,))), ())[0]
    assert smoke.judge(question, "Von neun bis fünf.", 1, "de").passed
    assert smoke.judge(question, "Ja.", 1, None).passed  # too short to tell
    judged = smoke.judge(question, "From nine to five.", 1, "en")
    assert (judged.passed, judged.missing) == (False, ("the language de (is en)",))


def test_facts_that_are_right_are_counted() -> None:
    answers = [smoke.judge(question, "At 9", 1) for question in smoke.questions(RECIPE, ())]
    assert smoke.facts_right(RECIPE, answers) == 1
    assert smoke.facts_right(RECIPE, []) == 0


def test_a_wrong_expression_is_a_fault_of_the_recipe() -> None:
    values = {"evaluation": {"prompts": [{"ask": "Order?", "matches": ["("]}]}}
    with pytest.raises(Rejected, match=r"evaluation\.prompts\.0\.matches: '\(' is no regular expression"):
        read(values, "support")
