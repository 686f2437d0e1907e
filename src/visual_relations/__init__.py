"""Learning how things in pictures relate: one Kedro project."""

__version__ = "0.1.0"
