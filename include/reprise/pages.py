"""Reports as self-contained pages: a template beside the code that fills it, nothing unescaped, nothing left out."""

from __future__ import annotations

from collections.abc import Callable
from importlib import resources
from typing import Any


def render(package: str, name: str, filters: dict[str, Callable[..., str]] | None = None, **values: Any) -> str:
    """Return a package's template filled in; a value that it names and is not given is an error."""
    from jinja2 import Environment, StrictUndefined

    environment = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    environment.filters.update(filters or {})
    template = resources.files(package).joinpath(name).read_text("utf-8")
    return environment.from_string(template).render(**values)
