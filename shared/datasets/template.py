"""A model's chat template, rendered as Hugging Face's transformers renders it, and its turn markers.

Read in transformers 4.57.6 and 5.23 (`chat_template_utils`): a sandbox with trim_blocks, lstrip_blocks, loop
controls, `tojson` that escapes nothing, `raise_exception`. `strftime_now` is left undefined, for this package
has no clock: templates that use it fall back to a fixed date, or fail and say so.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from os.path import commonprefix
from typing import TYPE_CHECKING, Any

import msgspec
from jinja2 import TemplateError, nodes
from jinja2.ext import Extension, loopcontrols
from jinja2.sandbox import ImmutableSandboxedEnvironment

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from jinja2.parser import Parser

    from shared.datasets.rows import Message

PROBE = ("First question", "First answer", "Second question", "Second answer")


class TemplateFault(Exception):
    """The template refuses a chat, or cannot render it; the text is the template's own."""


@dataclass(frozen=True)
class Markers:
    """What begins an assistant's turn (response) and a user's (instruction); Azure ML's finetune_config.json.

    added: those of the two that are put into the vocabulary (add_to_vocabulary).
    """

    response: str
    instruction: str
    added: tuple[str, ...] = ()


class ChatTemplate:
    """Renders chats. tokens: what the template may name, as bos_token and eos_token."""

    def __init__(self, source: str, tokens: Mapping[str, Any]) -> None:
        environment = ImmutableSandboxedEnvironment(
            trim_blocks=True, lstrip_blocks=True, extensions=[_Generation, loopcontrols], autoescape=False
        )
        environment.filters["tojson"] = _tojson
        environment.globals["raise_exception"] = _raise
        self.source, self.tokens = source, tokens
        try:
            self._template = environment.from_string(source)
        except TemplateError as fault:
            raise TemplateFault(f"no chat template: {fault}") from fault

    def render(self, messages: Sequence[Message | Mapping[str, Any]], *, prompt: bool = False) -> str:
        """Render a chat; null keys are left out first, as Azure ML does. Raises TemplateFault.

        prompt: with the beginning of an answer after it (add_generation_prompt).
        """
        try:
            return self._template.render(
                messages=[_present(message) for message in messages],
                tools=None,
                documents=None,
                add_generation_prompt=prompt,
                **self.tokens,
            )
        # A template is a program of the model's maker: it may fail with anything.
        except Exception as fault:
            raise TemplateFault(f"{type(fault).__name__}: {fault}") from fault

    def markers(self) -> Markers:
        """Find the turn markers by rendering a probe chat, without the white space at their ends.

        Content that begins with white space may share a token with white space before it, and so hide a
        marker that ends in some. Raises TemplateFault where the template shows none.
        """
        chat = self.probe()
        before, ask, back, *_ = _around(self.render(chat))
        prompt = self.render(chat[:1], prompt=True).removeprefix(self.render(chat[:1]))
        ends = ask.removesuffix(prompt)
        if prompt.strip() and ends != ask and back.startswith(ends):
            response, instruction = prompt, back.removeprefix(ends)
        else:  # nothing begins an answer but the end of the question, as in [INST] question [/INST] answer
            shared = commonprefix([before[::-1], back[::-1]])  # noqa: RUF071 - of characters it shall be
            response, instruction = ask, shared[::-1]
        if not response.strip() or not instruction.strip():
            raise TemplateFault("no markers between turns")
        return Markers(response.strip(), instruction.strip())

    @staticmethod
    def probe() -> list[dict[str, str]]:
        """Give a chat of four turns."""
        roles = ("user", "assistant") * 2
        return [{"role": role, "content": text} for role, text in zip(roles, PROBE, strict=True)]


def _around(text: str) -> list[str]:
    parts = []
    for probe in PROBE:
        part, found, text = text.partition(probe)
        if not found:
            raise TemplateFault("the template leaves messages out")
        parts.append(part)
    return parts


def _present(message: Message | Mapping[str, Any]) -> dict[str, Any]:
    if isinstance(message, msgspec.Struct):
        return msgspec.structs.asdict(message)
    return {key: value for key, value in message.items() if value is not None}


def _tojson(value: Any, ensure_ascii: bool = False, indent: int | None = None) -> str:  # noqa: ANN401, FBT001, FBT002
    return json.dumps(value, ensure_ascii=ensure_ascii, indent=indent)


def _raise(text: str) -> None:
    raise TemplateError(text)


class _Generation(Extension):
    """`{% generation %}` marks answers for trainers; what is between is rendered as it stands."""

    tags = {"generation"}  # noqa: RUF012 - jinja2's own declaration

    def parse(self, parser: Parser) -> list[nodes.Node]:
        """Give the body."""
        next(parser.stream)
        return parser.parse_statements(("name:endgeneration",), drop_needle=True)
