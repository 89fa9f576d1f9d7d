"""Reports as self-contained pages: a template beside the code that fills it, nothing unescaped, nothing left out."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from importlib import resources
from typing import Any


def render(package: str, name: str, filters: dict[str, Callable[..., Any]] | None = None, **values: Any) -> str:
    """Return a package's template filled in; a value that it names and is not given is an error."""
    from jinja2 import Environment, StrictUndefined

    environment = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    environment.filters.update(filters or {})
    template = resources.files(package).joinpath(name).read_text("utf-8")
    return environment.from_string(template).render(**values)


def finite(value: Any) -> Any:
    """Return a report's content with NaN and infinities as None, at any depth: JSON has neither."""
    if isinstance(value, Mapping):
        return {key: finite(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [finite(item) for item in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
