"""What a user sees when a Java metric is not installed."""

from __future__ import annotations

import pytest

from visual_relations.metrics.captions import caption_metrics, java


def test_without_java_the_error_says_what_to_install(monkeypatch):
    monkeypatch.setattr(java.shutil, "which", lambda name: None)
    monkeypatch.setattr(java, "_package", lambda: java.Path())
    with pytest.raises(java.JavaMetricsMissingError, match="apt install"):
        caption_metrics({"1": "a dog"}, {"1": ["a dog"]}, java_metrics=["METEOR"])


def test_without_the_extra_the_error_names_it(monkeypatch):
    monkeypatch.setattr(java.importlib.util, "find_spec", lambda name: None)
    with pytest.raises(java.JavaMetricsMissingError, match="java-metrics"):
        java.tokenize(["a dog"])


def test_spice_without_its_models_says_where_to_put_them(monkeypatch, tmp_path):
    for folder in ("", str(tmp_path)):
        monkeypatch.setenv(java.SPICE_JARS, folder)
        with pytest.raises(java.JavaMetricsMissingError, match="CoreNLP"):
            caption_metrics({"1": "a dog"}, {"1": ["a dog"]}, java_metrics=["SPICE"])
