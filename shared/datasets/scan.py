"""Where a block of JSON lines deserves a closer look."""

from __future__ import annotations

import re

ODD = re.compile(
    rb"<\||</?s>|\[/?INST|<<SYS|\\u00[0-7]|\\u20[0-6]|\\u[fF][eE][fF][fF]|[\x00-\x09\x0b\x0c\x0e-\x1f\x7f]|\xe2\x80[\x8b-\xae]|\xe2\x81|\xef\xbb\xbf"
)


class Scanner:
    """Finds lines worth a closer look."""

    engine = "re"

    def hits(self, block: bytes) -> list[int]:
        """Give the end of each place that may be bad."""
        return [found.end() for found in ODD.finditer(block)]
