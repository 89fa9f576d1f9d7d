"""Reports as self-contained pages: a template beside the code that fills it, nothing unescaped, nothing left out."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from importlib import resources
from types import CodeType
from typing import Any


def render(package: str, name: str, filters: dict[str, Callable[..., Any]] | None = None, **values: Any) -> str:
    """Return a package's template filled in; a value that it names and is not given is an error."""
    from jinja2 import Environment, StrictUndefined, Template

    environment = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    environment.filters.update(filters or {})
    code = _compiled.get((package, name))
    if code is None:  # compiling takes longer than filling in
        code = environment.compile(resources.files(package).joinpath(name).read_text("utf-8"), name)
        _compiled[package, name] = code
    return Template.from_code(environment, code, environment.make_globals(None)).render(**values)


#: A template is always given filters of the same names; the code looks them up when it runs.
_compiled: dict[tuple[str, str], CodeType] = {}


def finite(value: Any) -> Any:
    """Return a report's content with NaN and infinities as None, at any depth: JSON has neither."""
    if isinstance(value, Mapping):
        return {key: finite(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [finite(item) for item in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
