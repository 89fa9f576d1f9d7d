"""What every settings file has in common: unknown keys are mistakes, values never change."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict


class Strict(BaseModel):
    """A part of a settings file; an unknown key is a mistake, never ignored."""

    model_config = ConfigDict(extra="forbid", frozen=True)
