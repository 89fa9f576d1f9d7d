"""``tuning`` in ``gate.yaml``: how a family's settings are searched for, and how long."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field, ValidationError, model_validator

from reprise.settings.base import Strict
from reprise.settings.families import Family


class Span(Strict):
    """All values from ``low`` to ``high``, whole numbers where the setting is one."""

    low: float
    high: float
    log: bool = Field(False, description="as likely between 1 and 10 as between 10 and 100")

    @model_validator(mode="after")
    def _ordered(self) -> Span:
        if not self.low < self.high or (self.log and self.low <= 0):
            raise ValueError(f"low {self.low:g} must lie below high {self.high:g}, and above 0 with log")
        return self


#: One setting's values: a span, or a list of choices.
Values = Span | list[int | float | str | None]
Space = dict[str, Values]

_LEAST_SQUARES: Space = {"ridge": Span(low=1e-4, high=10, log=True)}
_TREES: Space = {
    "leaves": Span(low=4, high=63, log=True),
    "learning_rate": Span(low=0.03, high=0.3, log=True),
    "min_rows_per_leaf": Span(low=5, high=200, log=True),
    "features_share": Span(low=0.4, high=1),
}
#: Searched where ``tuning.space`` says nothing of a family. Trees of LightGBM are as many as validation wants.
DEFAULT_SPACES: dict[Family, Space] = {
    "linear": _LEAST_SQUARES,
    "poisson": _LEAST_SQUARES,
    "gamma": {**_LEAST_SQUARES, "floor": Span(low=0.001, high=0.1, log=True)},
    "tweedie": {**_LEAST_SQUARES, "power": Span(low=1.1, high=1.9)},
    "logistic": _LEAST_SQUARES,
    "pairwise": {**_LEAST_SQUARES, "pairs_per_item": Span(low=1, high=20, log=True)},
    "forest": {
        "trees": Span(low=20, high=120),
        "depth": Span(low=3, high=12),
        "min_rows_per_leaf": Span(low=2, high=100, log=True),
        "features_share": Span(low=0.2, high=1),
    },
    "lambdamart": _TREES,
    "xendcg": _TREES,
    "blend": {},  # of its parts' best trials; all shares are looked at
}


Objective = Literal["consumption_ndcg", "expected_consumption", "serving_cost", "new_release_exposure"]


class Tuning(Strict):
    """A study for each family: trials learn on train, and a part of validation says which is best."""

    trials: int = Field(0, ge=0, description="settings tried for each family, those that stand first; 0: no tuning")
    minutes: float | None = Field(None, gt=0, description="for each family; no trial begins later; none: no limit")
    objectives: list[Objective] = Field(
        default=["consumption_ndcg"], min_length=1, description="the first decides; several make a Pareto front"
    )
    choose: Literal["bounded", "knee"] = Field(
        "bounded", description="of a front: the best of the others within allowed_loss of the first, or the knee"
    )
    allowed_loss: float = Field(0.005, ge=0, description="of the first objective, for the sake of the others")
    new_days: float = Field(28.0, gt=0, description="an item of at most this age is a new release")
    sampler: Literal["tpe", "nsga2", "random", "grid"] = Field(
        "tpe", description="random and grid are plain references; nsga2 is for several objectives and many trials"
    )
    grid_steps: int = Field(3, ge=2, description="values of each span that the grid has")
    pruning: bool = Field(
        True, description="stop a trial that lags behind the median of the others; never with several objectives"
    )
    report_one_in: int = Field(
        3, ge=2, description="validation queries: one of so many is kept from choosing, and re-scores what was chosen"
    )
    seed: int = Field(7, ge=0)
    space: dict[Family, Space] = Field(default_factory=dict, description="takes the place of a family's own space")

    @model_validator(mode="after")
    def _objectives_differ(self) -> Tuning:
        if len(set(self.objectives)) < len(self.objectives):
            raise ValueError("an objective is named twice")
        return self

    def space_of(self, family: Family) -> Space:
        """Return what is searched for a family."""
        return self.space.get(family, DEFAULT_SPACES[family])


def check_space(family: str, space: Space, kind: type[Strict]) -> None:
    """Ensure that every value of a space is one that the family's settings take, else ValueError names it."""
    for name, values in space.items():
        if name not in kind.model_fields:
            raise ValueError(
                f"tuning.space.{family}: {name} is no setting; choose among {', '.join(kind.model_fields)}"
            )
        tried: list[Any] = (
            [whole(kind, name, end) for end in (values.low, values.high)] if isinstance(values, Span) else values
        )
        for value in tried:
            try:
                kind.model_validate({name: value})
            except ValidationError as error:
                raise ValueError(f"tuning.space.{family}.{name}: {value!r}: {error.errors()[0]['msg']}") from None


def whole(kind: type[Strict], name: str, value: float) -> int | float:
    """Return a value as a whole number where the setting is one; one with a fraction stays, and is refused."""
    return int(value) if is_whole(kind, name) and value == int(value) else value


def is_whole(kind: type[Strict], name: str) -> bool:
    """Return whether a setting is a whole number."""
    return kind.model_fields[name].annotation in (int, int | None)
