"""A study is data; its names and values are those of the parameters it searches."""

import pytest
from pydantic import BaseModel, ConfigDict, Field

from visual_relations.tuning.params import StudyParams, with_values


class Inner(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)
    rate: float = Field(0.1, gt=0)


class Outer(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)
    inner: Inner = Inner()
    n: int = 3


def study(**changes):
    values = {"name": "s", "metric": "m", "n_trials": 1, "baseline": {"n": 1}}
    space = {"search_space": {"n": {"kind": "int", "low": 1, "high": 2}}}
    return StudyParams.model_validate({**values, **space, **changes})


def test_values_are_put_in_by_dotted_name_and_validated():
    assert with_values(Outer(), {"inner.rate": 0.5, "n": 4}) == Outer(inner=Inner(rate=0.5), n=4)
    with pytest.raises(ValueError, match="rate"):
        with_values(Outer(), {"inner.rate": -1.0})


@pytest.mark.parametrize("name", ["inner.rat", "iner.rate", "n.rate", "inner.rate.x"])
def test_a_name_that_is_no_parameter_is_an_error(name):
    with pytest.raises(ValueError, match=name.replace(".", r"\.")):
        with_values(Outer(), {name: 1})


def test_baseline_and_space_name_the_same_parameters():
    with pytest.raises(ValueError, match="only in one of them"):
        study(baseline={"m": 1})
    with pytest.raises(ValueError, match="sweep"):
        study(sweep={"parameter": "m", "values": [1]})


def test_a_misspelt_field_is_an_error():
    with pytest.raises(ValueError, match="n_trails"):
        study(n_trails=3)
