"""Secrets in texts: rules of detect-secrets' kind, each a shape that its issuer documents.

Sources: the token formats that GitHub, GitLab, Slack, Stripe, npm, PyPI, Hugging Face, Google, AWS and Azure
publish, and the plugins of Yelp/detect-secrets. A value that says it is an example is none.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

RULES = {
    "an AWS access key id": r"\b(?:AKIA|ASIA|ABIA|ACCA)[0-9A-Z]{16}\b",
    "a GitHub token": r"\b(?:gh[pousr]_[A-Za-z0-9]{36,255}|github_pat_[A-Za-z0-9_]{22,255})\b",
    "a GitLab token": r"\bglpat-[A-Za-z0-9_-]{20,}",
    "a Slack token": r"\bxox[abeoprs]-[A-Za-z0-9-]{10,}",
    "a Slack webhook": r"hooks\.slack\.com/services/T\w{6,}/B\w{6,}/\w{16,}",
    "a Stripe key": r"\b[rs]k_(?:live|test)_[A-Za-z0-9]{20,}",
    "an OpenAI or Anthropic key": r"\bsk-(?:ant-|proj-|svcacct-)?[A-Za-z0-9_-]{24,}",
    "a Hugging Face token": r"\bhf_[A-Za-z0-9]{30,}\b",
    "an npm token": r"\bnpm_[A-Za-z0-9]{36}\b",
    "a PyPI token": r"\bpypi-AgE[A-Za-z0-9_-]{40,}",
    "a SendGrid key": r"\bSG\.[A-Za-z0-9_-]{16,}\.[A-Za-z0-9_-]{16,}",
    "a Google API key": r"\bAIza[0-9A-Za-z_-]{35}",
    "a Telegram bot token": r"\b\d{8,10}:AA[A-Za-z0-9_-]{33}\b",
    "an Azure storage or bus key": r"(?:AccountKey|SharedAccessKey)=[A-Za-z0-9+/]{40,}={0,2}",
    "a shared access signature": r"[?&;]sig=[A-Za-z0-9%+/=]{40,}",
    "a private key": r"-----BEGIN (?:[A-Z0-9]+ )*PRIVATE KEY(?: BLOCK)?-----",
    "a JSON web token": r"\beyJ[A-Za-z0-9_-]{8,}\.eyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{8,}",
    "a URL with a password": r"\b[a-z][a-z0-9+.-]{1,20}://[^\s:/@]{1,64}:(?P<value>[^\s:/@]{3,64})@[\w.-]+",
}
ASSIGNED = re.compile(
    r"(?i)(?:(?:api|access)[_ -]?key|secret|passwo?r?d|pwd|(?:auth|access)[_ -]?token)"
    r"\w{0,20}[\"']?\s{0,3}[:=]\s{0,3}[\"']?(?P<value>[A-Za-z0-9+/=_.~!@#$%^&*-]{12,128})"
)
EXAMPLE = re.compile(
    r"(?i)example|sample|your|dummy|placeholder|changeme|redacted|test_?key|x{4,}|\*{3,}|\.{3,}|<|12345678"
)
LEAST_ENTROPY = 3.3  # bits a character: words and repeated letters lie below, random base64 above 4

_RULES = [(name, re.compile(pattern)) for name, pattern in RULES.items()]


def secrets(text: str) -> Iterator[tuple[str, str]]:
    """Find secrets; give what each is and its first four characters, never more."""
    for name, pattern in _RULES:
        for found in pattern.finditer(text):
            if not EXAMPLE.search(found.groupdict().get("value") or found[0]):
                yield name, found[0][:4]
                break
    for found in ASSIGNED.finditer(text):
        value = found["value"]
        if entropy(value) >= LEAST_ENTROPY and _mixed(value) and not EXAMPLE.search(value):
            yield "a value given to a password, key or token", value[:2]
            break


def _mixed(value: str) -> bool:
    """Tell a generated value from a word: it holds digits and letters."""
    return any(map(str.isdigit, value)) and any(map(str.isalpha, value))


def entropy(value: str) -> float:
    """Shannon's entropy of a text's characters, in bits a character."""
    total = len(value)
    return -sum(n / total * math.log2(n / total) for n in Counter(value).values()) if total else 0.0
