"""A study as data: what is searched, by whom, and when it ends."""

from __future__ import annotations

from typing import Annotated, Any, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field, model_validator

Model = TypeVar("Model", bound=BaseModel)
Value = str | int | float | bool | None


class _Params(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class FloatRange(_Params):
    """A real number between two bounds, both included."""

    kind: Literal["float"]
    low: float
    high: float
    log: bool = False


class IntRange(_Params):
    """A whole number between two bounds, both included."""

    kind: Literal["int"]
    low: int
    high: int
    step: int = Field(1, ge=1)
    log: bool = False


class Choice(_Params):
    """One of some values."""

    kind: Literal["choice"]
    values: tuple[Value, ...] = Field(min_length=1)


Range = Annotated[FloatRange | IntRange | Choice, Field(discriminator="kind")]


class Sweep(_Params):
    """One parameter varied alone, everything else at the baseline: these trials come first and make the figure."""

    parameter: str
    values: tuple[Value, ...] = Field(min_length=1)


class Limits(_Params):
    """What a configuration may cost; costlier ones are kept in the table but cannot be the best.

    Attributes:
        seconds: Of one training.
        parameters: Trainable ones.
    """

    seconds: float | None = Field(None, gt=0)
    parameters: int | None = Field(None, gt=0)


class StudyParams(_Params):
    """Parameters of a study.

    Attributes:
        name: Of the study; the stored name has a hash of everything that makes trials comparable behind it.
        metric: What the value of a trial is.
        direction: Whether larger or smaller is better.
        n_trials: Trials that end with a value or are pruned, in all, not more on every run.
        timeout_minutes: No new trial is begun after this time of a run; null: no limit.
        seed: Of the sampler and of the trainings.
        seeds_per_trial: Trainings of one configuration; the trial's value is their median. The same seeds in every
            trial, so that configurations are compared on equal terms.
        sampler: "tpe" or "random".
        startup_trials: Random trials before the sampler learns; the sweep counts.
        pruner: "median" stops a trial that is behind the median of the others at the same step; "wilcoxon" one that is
            behind the best trial on the seeds both have; "none".
        baseline: Values of the searched parameters to begin with, by name.
        sweep: Trials that vary one parameter alone; null: none.
        limits: Constraints.
        search_space: Range by dotted name below the training parameters, e.g. `prompt.n_context`.
    """

    name: str = Field(pattern=r"^\w+$")
    metric: str
    direction: Literal["maximize", "minimize"] = "maximize"
    n_trials: int = Field(ge=1)
    timeout_minutes: float | None = Field(None, gt=0)
    seed: int = Field(0, ge=0)
    seeds_per_trial: int = Field(1, ge=1)
    sampler: Literal["tpe", "random"] = "tpe"
    startup_trials: int = Field(6, ge=1)
    pruner: Literal["median", "wilcoxon", "none"] = "median"
    baseline: dict[str, Value]
    sweep: Sweep | None = None
    limits: Limits = Limits()
    search_space: dict[str, Range] = Field(min_length=1)

    @model_validator(mode="after")
    def _names_agree(self) -> StudyParams:
        if self.baseline.keys() != self.search_space.keys():
            odd = sorted(self.baseline.keys() ^ self.search_space.keys())
            raise ValueError(f"baseline and search_space must name the same parameters; only in one of them: {odd}")
        if self.sweep and self.sweep.parameter not in self.search_space:
            raise ValueError(f"the sweep's parameter {self.sweep.parameter!r} is not in search_space")
        return self

    @property
    def comparable(self) -> dict[str, Any]:
        """What trials of one study must have in common; more trials or time do not change a study."""
        return self.model_dump(mode="json", exclude={"n_trials", "timeout_minutes"})


def with_values(base: Model, values: dict[str, Value]) -> Model:
    """Put searched values into parameters, which validates them.

    Args:
        base: Training parameters.
        values: By dotted name.

    Raises:
        ValueError: If a name is not a parameter, or a value is not valid there.
    """
    tree = base.model_dump()
    for name, value in values.items():
        *parents, last = name.split(".")
        branch: Any = tree
        for parent in parents:
            branch = branch.get(parent) if isinstance(branch, dict) else None
        if not isinstance(branch, dict) or last not in branch:
            raise ValueError(f"search_space names {name!r}, which is not a parameter of {type(base).__name__}")
        branch[last] = value
    return type(base).model_validate(tree)
