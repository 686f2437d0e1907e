"""What a study found: the table of its trials, the best configuration."""

from __future__ import annotations

from typing import Any

import polars as pl
from optuna.study import Study
from optuna.trial import FrozenTrial, TrialState

from visual_relations.tuning.params import Value
from visual_relations.tuning.workers import KIND


def trial_table(study: Study) -> pl.DataFrame:
    """One row per trial that was begun, with its state, kind, value (the median of `values`, one per seed) and costs.

    Searched parameters are columns `params.<name>`; one whose values have several types is text.
    """
    trials = [trial for trial in study.get_trials(deepcopy=False) if trial.state != TrialState.WAITING]
    names = sorted({name for trial in trials for name in trial.params})
    columns: dict[str, pl.Series] = {
        "number": pl.Series([t.number for t in trials], dtype=pl.Int64),
        "state": pl.Series([t.state.name.lower() for t in trials], dtype=pl.String),
        "kind": pl.Series([t.user_attrs.get(KIND) for t in trials], dtype=pl.String),
        "value": pl.Series([_value(t) for t in trials], dtype=pl.Float64),
        "values": pl.Series([t.user_attrs.get("values", []) for t in trials], dtype=pl.List(pl.Float64)),
        "feasible": pl.Series([all(v <= 0 for v in t.constraints.values()) for t in trials], dtype=pl.Boolean),
        "started": pl.Series([t.datetime_start for t in trials], dtype=pl.Datetime),
        "seconds": pl.Series([t.user_attrs.get("seconds") for t in trials], dtype=pl.Float64),
        "parameters": pl.Series([t.user_attrs.get("parameters") for t in trials], dtype=pl.Int64),
        "reason": pl.Series([t.user_attrs.get("reason") for t in trials], dtype=pl.String),
    }
    searched = {f"params.{name}": _column([t.params.get(name) for t in trials]) for name in names}
    return pl.DataFrame(columns | searched)


def best_values(study: Study) -> dict[str, Value]:
    """The searched values of the best trial that keeps the limits.

    Raises:
        ValueError: If no trial is complete within the limits.
    """
    try:
        return dict(study.best_trial.params)
    except ValueError as error:
        raise ValueError(f"study {study.study_name} has no complete trial within its limits yet: {error}") from error


def study_state(study: Study) -> dict[str, Any]:
    """How far a study is: its name and the number of trials by state."""
    states = [trial.state.name.lower() for trial in study.get_trials(deepcopy=False)]
    return {
        "study": study.study_name,
        "trials": {state.name.lower(): states.count(state.name.lower()) for state in TrialState},
    }


def _value(trial: FrozenTrial) -> float | None:
    return trial.value if trial.state == TrialState.COMPLETE else None


def _column(values: list[Any]) -> pl.Series:
    kinds = {type(value) for value in values if value is not None}
    if len(kinds) > 1:
        return pl.Series([None if value is None else str(value) for value in values], dtype=pl.String)
    return pl.Series(values)
