"""Ask a deployed model: one POST to the scoring URL, whose body is the chat-completion models' own.

Shape of the body: Azure/azureml-examples, sdk/python/foundation-models/system/finetune/chat-completion.
Status codes: Microsoft Learn, "Troubleshoot online endpoints", HTTP status codes. What was asked and what
was answered is in no log and no error's text.
"""

from __future__ import annotations

from dataclasses import dataclass
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from shared.adapters.azureml import patience
from shared.adapters.azureml.errors import AGAIN, SCIENTIST, grant, mapped, retry_after
from shared.domain.errors import DroptuneError, Misconfigured, Missing, Permanent, Transient

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from shared.adapters.azureml.place import AzureMLPlace

SCOPE = "https://ml.azure.com/.default"
PARAMETERS = {"temperature": 0.6, "top_p": 0.9, "do_sample": True, "max_new_tokens": 200}
CHOICE = "azureml-model-deployment"
MODEL_STATUS = "ms-azureml-model-error-statuscode"
# A question that may have arrived is not put again: its one request was written down as ours beforehand.
ONCE = {"retry_read": 0, "retry_status": 0}


@dataclass(frozen=True)
class Question:
    """What goes where. deployment: one that shall answer, else the traffic chooses."""

    url: str
    endpoint: str
    deployment: str | None
    messages: Sequence[Mapping[str, str]]

    @property
    def target(self) -> str:
        """Name who is asked, for people."""
        return f"{self.endpoint}/{self.deployment}" if self.deployment else self.endpoint


def token(place: AzureMLPlace) -> str:
    """Get a token for an endpoint that Entra ID guards."""
    with mapped("a token for the endpoint"):
        return str(place.credential().get_token(SCOPE).token)


def ask(place: AzureMLPlace, question: Question, secret: str) -> str:
    """Put a chat to a scoring URL and return the answer's text; secret: a key or a token.

    Raises Permanent where the model refuses (4xx), Transient where it fails or does not answer in time.
    """
    from azure.core.rest import HttpRequest

    headers = {"Authorization": f"Bearer {secret}"}
    if question.deployment is not None:
        headers[CHOICE] = question.deployment
    messages = [dict(message) for message in question.messages]
    body = {"input_data": {"input_string": messages, "parameters": PARAMETERS}, "params": {}}
    request = HttpRequest("POST", question.url, headers=headers, json=body)
    with mapped(f"the model behind {question.target}"):
        client = place.once("scoring", lambda: patience.open_client(**ONCE))
        response = client.send_request(request)
        if response.status_code != HTTPStatus.OK:
            raise refused(question, response)
        return text(response.json())


def refused(question: Question, response: Any) -> DroptuneError:  # noqa: ANN401 - azure-core's HttpResponse
    """Say what an answer other than 200 means; 424 hands on the model's own status in a header."""
    status = int(response.headers.get(MODEL_STATUS) or response.status_code)
    if status in {HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN}:
        return Misconfigured(
            "model-forbidden", f"{question.target} accepts no question of ours ({status}).", grant(SCIENTIST)
        )
    if status == HTTPStatus.NOT_FOUND:
        return Missing("model-missing", f"{question.target} is not there, or no deployment has traffic.")
    found = f"The model behind {question.target} answers with status {status}"
    if status in AGAIN or status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        return Transient("model-unavailable", f"{found}.", _look(question), retry_after(response))
    return Permanent("model-refused", f"{found}, expected 200.", _look(question))


def text(answer: object) -> str:
    """Take the text out of `{"output": text}`; some images answer with the text alone, or a list of one."""
    found = answer.get("output") if isinstance(answer, dict) else answer
    if isinstance(found, list) and len(found) == 1:
        found = found[0]
    if not isinstance(found, str):
        raise Permanent(
            "answer-shape",
            f"The model answered with {type(answer).__name__}, expected a JSON object with a text `output`.",
            "Only chat-completion models can be served; name one in the recipe's base_model.",
        )
    return found


def _look(question: Question) -> str:
    if question.deployment is None:
        return f"Look at its deployments: az ml online-deployment list --endpoint-name {question.endpoint}"
    return (
        "Its log tells why: az ml online-deployment get-logs "
        f"--endpoint-name {question.endpoint} --name {question.deployment}"
    )
