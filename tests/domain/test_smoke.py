from __future__ import annotations

from shared.domain import smoke
from shared.domain.recipe import Evaluation, Fact, Prompt, Recipe

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
