"""Signs of a chat template and HTML left over in texts.

Sources: the chat templates that Phi, Llama, Mistral, Gemma, Qwen, DeepSeek, Command and Granite publish with
their tokenizers; the WHATWG HTML standard for elements and character references. A tag counts outside
Markdown code alone; a name that commands use too, as in `cp <input>`, counts with attributes or closed.
"""

from __future__ import annotations

import re

TOKEN = re.compile(
    r"<\|[A-Za-z0-9_]{1,40}\|>|<\uff5c[^\s<>|]{1,40}\uff5c>|</?s>|<</?SYS>>|<(?:start|end)_of_turn>"
    r"|\[/?(?:INST|SYSTEM_PROMPT|AVAILABLE_TOOLS|TOOL_CALLS|TOOL_RESULTS)\]|<(?:bos|eos|pad|unk)>"
)
CODE = re.compile(r"```.*?(?:```|\Z)|``.+?``|`[^`\n]+`", re.DOTALL)
PLAIN = (
    "b|i|u|p|em|strong|h[1-6]|div|span|ul|ol|li|table|tbody|thead|tr|td|th|pre|html|center|blockquote|sup|sub"
)
NAMES = (
    f"{PLAIN}|a|body|button|font|footer|form|head|header|iframe|input|label|link|meta|nav|option"
    f"|script|section|select|style|title"
)
ALONE = "br|hr|img"
ENTITY = (
    "nbsp|amp|lt|gt|quot|apos|hellip|[mn]dash|[lr][sd]quo|[lr]aquo|bull|middot|copy|reg|trade|euro|deg|times"
    "|[aeiouAEIOU](?:acute|grave|circ|uml|tilde)|[cC]cedil|[nN]tilde|szlig|shy|zwn?j"
)
_ATTRIBUTES = r"(?:\s{1,9}[\w:@.-]{1,40}\s{0,9}=[^<>]{0,2000})"
HTML = re.compile(
    rf"[<&](?:(?<=<)(?i:/(?:{NAMES})\s{{0,9}}>|(?:{NAMES}|{ALONE}){_ATTRIBUTES}>|(?:{ALONE})\s{{0,9}}/?>"
    rf"|(?<!\w<)(?:{PLAIN})>)|(?<=&)(?:{ENTITY}|#\d{{2,6}}|#[xX][0-9a-fA-F]{{2,5}});)",
    re.ASCII,
)
TOKEN_QUICK = (
    rb"<(?:\||\xef\xbd\x9c|\\u(?i:ff5c))|<(?:\\?/)?s>|<<(?:\\?/)?SYS>|<(?:start|end)_of_turn>|<(?:bos"
    rb"|eos|pad|unk)>"
    rb"|\[(?:\\?/)?(?:INST|SYSTEM_PROMPT|AVAILABLE_TOOLS|TOOL_)"
)
HTML_QUICK = (
    rb"<(?:\\?/)?[A-Za-z][A-Za-z0-9]{0,9}[^A-Za-z0-9<|]",
    rb"&(?:#[xX0-9]|(?:" + ENTITY.encode() + rb");)",
)


def token(text: str) -> str:
    """Find the first sign of a chat template."""
    found = TOKEN.search(text)
    return repr(found[0]) if found else ""


def html(text: str) -> str:
    """Find the first tag or character reference outside code."""
    if ("<" not in text and "&" not in text) or not HTML.search(text):  # cheaper than to take the code out
        return ""
    found = HTML.search(CODE.sub(" ` ", text))
    return repr(found[0][:40]) if found else ""
