"""Questions to a deployed model: what is sent, and what the answers mean."""

from __future__ import annotations

import logging
import time
from typing import TYPE_CHECKING

import pytest

from shared.adapters.azureml import AzureMLEndpoints, patience
from shared.domain.errors import DroptuneError, Misconfigured, Missing, Permanent, Transient
from tests.adapters.azureml.https import Reply, Seen, Service, service

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

CHAT = [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "a secret question"}]
SECRETS = ("a secret question", "a-secret-key", "a secret answer")


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    with pytest.MonkeyPatch.context() as patch, service(tmp_path_factory.mktemp("service"), patch) as made:
        yield made


@pytest.fixture
def azure(running: Service) -> Service:
    running.reset()
    return running


def endpoint(azure: Service, model: Callable[[Seen], Reply], mode: str = "Key") -> AzureMLEndpoints:
    """Make an endpoint whose model answers so."""

    def answer(seen: Seen) -> Reply:
        if seen.line.startswith("POST /score"):
            return model(seen)
        if "/listKeys?" in seen.line:
            return Reply(body={"primaryKey": "a-secret-key", "secondaryKey": "b"})
        properties = {"authMode": mode, "scoringUri": f"{azure.url}/score", "provisioningState": "Succeeded"}
        return Reply(body={"name": "acme", "properties": properties})

    azure.answer = answer
    return AzureMLEndpoints(azure.place())


def scored(azure: Service) -> list[Seen]:
    return [seen for seen in azure.seen if seen.line.startswith("POST /score")]


def test_a_question_has_the_models_own_shape(azure: Service) -> None:
    answer = endpoint(azure, lambda _: Reply(body={"output": "Paris."})).ask("acme", CHAT, "r0123456789")
    assert answer == "Paris."
    (seen,) = scored(azure)
    assert seen.body == {
        "input_data": {
            "input_string": CHAT,
            "parameters": {"temperature": 0.6, "top_p": 0.9, "do_sample": True, "max_new_tokens": 200},
        },
        "params": {},
    }
    assert seen.headers["Authorization"] == "Bearer a-secret-key"
    assert seen.headers["azureml-model-deployment"] == "r0123456789"


def test_without_a_deployment_the_traffic_chooses(azure: Service) -> None:
    endpoint(azure, lambda _: Reply(body={"output": "Paris."})).ask("acme", CHAT)
    assert "azureml-model-deployment" not in scored(azure)[0].headers


def test_an_endpoint_of_entra_gets_a_token_and_no_key_is_asked_for(azure: Service) -> None:
    endpoint(azure, lambda _: Reply(body={"output": "Paris."}), "AADToken").ask("acme", CHAT)
    assert scored(azure)[0].headers["Authorization"] == "Bearer a-token"
    assert not any("listKeys" in line for line in azure.lines)


@pytest.mark.parametrize("body", ["Paris.", ["Paris."], {"output": "Paris."}, {"output": ["Paris."]}])
def test_images_answer_in_several_shapes(azure: Service, body: object) -> None:
    assert endpoint(azure, lambda _: Reply(body=body)).ask("acme", CHAT) == "Paris."


@pytest.mark.parametrize("body", [{}, {"output": 3}, [], ["a", "b"], {"output": {"text": "a secret answer"}}])
def test_an_answer_of_another_shape_is_refused(azure: Service, body: object) -> None:
    with pytest.raises(Permanent, match="expected a JSON object") as seen:
        endpoint(azure, lambda _: Reply(body=body)).ask("acme", CHAT)
    assert seen.value.problem.code == "answer-shape"


@pytest.mark.parametrize(
    ("status", "of_the_model", "expected"),
    [
        (400, None, Permanent),
        (401, None, Misconfigured),
        (403, None, Misconfigured),
        (404, None, Missing),
        (408, None, Transient),
        (413, None, Permanent),
        (424, "400", Permanent),
        (424, "500", Transient),
        (424, None, Permanent),
        (429, None, Transient),
        (500, None, Transient),
        (502, None, Transient),
        (503, None, Transient),
        (504, None, Transient),
    ],
)
def test_a_status_tells_what_to_do(
    azure: Service, status: int, of_the_model: str | None, expected: type[DroptuneError]
) -> None:
    headers = {"ms-azureml-model-error-statuscode": of_the_model} if of_the_model else {}
    model = endpoint(azure, lambda _: Reply(status, {"message": "a secret answer"}, headers))
    with pytest.raises(DroptuneError) as seen:
        model.ask("acme", CHAT, "r0123456789")
    assert type(seen.value) is expected
    assert "acme/r0123456789" in seen.value.problem.message
    assert "a secret answer" not in str(seen.value)
    if not isinstance(seen.value, Missing):
        assert seen.value.problem.help
    assert len(scored(azure)) == 1, "one question is one request: it was written down as ours beforehand"


def test_a_model_that_says_nothing_is_given_up_in_time(azure: Service) -> None:
    model, begun = endpoint(azure, lambda _: Reply(hang=True)), time.monotonic()
    with patience.within(2), pytest.raises(Transient):
        model.ask("acme", CHAT)
    assert time.monotonic() - begun < 3
    assert len(scored(azure)) == 1


def test_how_long_to_wait_is_handed_on(azure: Service) -> None:
    model = endpoint(azure, lambda _: Reply(429, headers={"Retry-After": "7"}))
    with pytest.raises(Transient) as seen:
        model.ask("acme", CHAT)
    assert seen.value.retry_after == 7


def test_no_question_key_or_answer_is_logged(azure: Service, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    endpoint(azure, lambda _: Reply(body={"output": "a secret answer"})).ask("acme", CHAT)
    with pytest.raises(Permanent):
        endpoint(azure, lambda _: Reply(400, {"message": "a secret answer"})).ask("acme", CHAT)
    assert [secret for secret in SECRETS if secret in caplog.text] == []
