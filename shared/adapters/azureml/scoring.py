"""Ask a deployed model: one POST to the scoring URL. Its body is the chat-completion models' own.

Shape: Azure/azureml-examples, sdk/python/foundation-models/system/finetune/chat-completion.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from shared.adapters.azureml.errors import mapped
from shared.domain.errors import Permanent

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from shared.adapters.azureml.place import AzureMLPlace

SCOPE = "https://ml.azure.com/.default"
PARAMETERS = {"temperature": 0.6, "top_p": 0.9, "do_sample": True, "max_new_tokens": 200}
SECONDS = 28


def token(place: AzureMLPlace) -> str:
    """Get a token for an endpoint that Entra ID guards."""
    with mapped("a token for the endpoint"):
        return str(place.credential().get_token(SCOPE).token)


def ask(url: str, key: str, messages: Sequence[Mapping[str, str]], deployment: str | None) -> str:
    """Put a chat to a scoring URL; raises Permanent on the model's 4xx, Transient on 5xx or silence."""
    from azure.core import PipelineClient
    from azure.core.rest import HttpRequest

    headers = {"Authorization": f"Bearer {key}"}
    if deployment is not None:
        headers["azureml-model-deployment"] = deployment
    body: dict[str, Any] = {
        "input_data": {"input_string": [dict(message) for message in messages], "parameters": PARAMETERS},
        "params": {},
    }
    request = HttpRequest("POST", url, headers=headers, json=body)
    with mapped("the model"), PipelineClient(url, policies=[], read_timeout=SECONDS) as client:
        response = client.send_request(request)
        response.raise_for_status()
        return _text(response.json())


def _text(answer: object) -> str:
    """Take the text out of `{"output": text}`; some images answer with the text alone, or a list of one."""
    found = answer.get("output") if isinstance(answer, dict) else answer
    if isinstance(found, list) and len(found) == 1:
        found = found[0]
    if not isinstance(found, str):
        kind = type(answer).__name__
        raise Permanent(
            "answer-shape", f"The model answered with {kind}, expected an object with `output` text."
        )
    return found
