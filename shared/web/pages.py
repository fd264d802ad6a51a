"""What all pages share: templates that escape every value, one style sheet, a policy that allows it alone."""

from __future__ import annotations

from base64 import b64encode
from functools import cache
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Any

from shared.datasets.page import visible

if TYPE_CHECKING:
    from jinja2 import Template
    from markupsafe import Markup

TEMPLATES = Path(__file__).with_name("templates")


def render(name: str, **values: Any) -> str:  # noqa: ANN401 - whatever the template shows
    """Render a template with the style sheet and the policy that allows nothing else."""
    style, policy = _style()
    page: str = _template(name).render(style=style, policy=policy, **values)
    return page


@cache
def _style() -> tuple[Markup, Markup]:
    from markupsafe import Markup

    style = (TEMPLATES / "run.css").read_text("utf-8")
    digest = b64encode(sha256(style.encode()).digest()).decode()
    policy = f"default-src 'none'; style-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'"
    return Markup(style), Markup(policy)  # noqa: S704 - this package's own text


@cache
def _template(name: str) -> Template:
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    made: Any = Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        finalize=visible,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    return made.get_template(name)  # type: ignore[no-any-return]
