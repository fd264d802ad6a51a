"""A certificate authority of this machine's own, and a certificate for localhost, made once."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import certifi
import trustme

if TYPE_CHECKING:
    from pathlib import Path

NAMES = ("localhost", "127.0.0.1", "::1")


@dataclass(frozen=True)
class Certificates:
    """PEM files. bundle: the public roots and our own, for programs that take one file of roots."""

    ca: Path
    bundle: Path
    cert: Path
    key: Path


def certificates(folder: Path) -> Certificates:
    """Find the files, or make them."""
    made = Certificates(
        folder / "ca.pem", folder / "bundle.pem", folder / "server.pem", folder / "server.key"
    )
    if not made.bundle.exists():
        folder.mkdir(parents=True, exist_ok=True)
        authority = trustme.CA(organization_name="Droptune local stack")
        server = authority.issue_cert(*NAMES)
        authority.cert_pem.write_to_path(str(made.ca))
        server.private_key_pem.write_to_path(str(made.key))
        made.key.chmod(0o600)
        made.cert.write_bytes(b"".join(blob.bytes() for blob in server.cert_chain_pems))
        roots = certifi.contents().encode() + b"\n" + authority.cert_pem.bytes()
        made.bundle.write_bytes(roots)
    return made
