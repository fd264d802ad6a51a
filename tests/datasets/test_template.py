"""Chat templates are rendered as transformers renders them, in a sandbox, and tell where turns begin."""

from __future__ import annotations

import pytest

from shared.datasets.template import ChatTemplate, Markers, TemplateFault

CHATML = (
    "{% for m in messages %}{{ '<|im_start|>' + m['role'] + '\n' + m['content'] + '<|im_end|>' + '\n' }}"
    "{% endfor %}{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}"
)
PHI4 = (
    "{% for m in messages %}{{ '<|im_start|>' + m['role'] + '<|im_sep|>' + m['content'] + '<|im_end|>' }}"
    "{% endfor %}{% if add_generation_prompt %}{{ '<|im_start|>assistant<|im_sep|>' }}{% endif %}"
)
LLAMA2 = (
    "{% for m in messages %}{% if m['role'] == 'user' %}"
    "{{ bos_token + '[INST] ' + m['content'] + ' [/INST]' }}"
    "{% else %}{{ ' ' + m['content'] + ' ' + eos_token }}{% endif %}{% endfor %}"
)
NAMES = {"bos_token": "<s>", "eos_token": "</s>"}


@pytest.mark.parametrize(
    ("template", "markers"),
    [
        (CHATML, Markers("<|im_start|>assistant", "<|im_start|>user")),
        (PHI4, Markers("<|im_start|>assistant<|im_sep|>", "<|im_start|>user<|im_sep|>")),
        (LLAMA2, Markers("[/INST]", "<s>[INST]")),
    ],
)
def test_markers_are_found_in_the_template(template: str, markers: Markers) -> None:
    assert ChatTemplate(template, NAMES).markers() == markers


@pytest.mark.parametrize(
    ("source", "text"),
    [
        ("{% if true %}\n  a\n{% endif %}\n{{ bos_token }}", "  a\n<s>"),
        ("{{ messages | tojson }}", '[{"role": "user", "content": "é<"}]'),
        ("{% generation %}{{ messages[0]['content'] }}{% endgeneration %}", "é<"),
        ("{{ strftime_now is defined }}", "False"),
        ("{% for m in [1, 2] %}{% if m == 2 %}{% break %}{% endif %}{{ m }}{% endfor %}", "1"),
    ],
)
def test_templates_are_rendered_as_transformers_does(source: str, text: str) -> None:
    assert ChatTemplate(source, NAMES).render([{"role": "user", "content": "é<", "name": None}]) == text


@pytest.mark.parametrize(
    "source", ["{{ messages.__class__.__mro__ }}", "{{ messages.append(1) }}", "{{ 1/0 }}"]
)
def test_a_template_reaches_nothing(source: str) -> None:
    with pytest.raises(TemplateFault):
        ChatTemplate(source, {}).render([{"role": "user", "content": "Hi"}])
