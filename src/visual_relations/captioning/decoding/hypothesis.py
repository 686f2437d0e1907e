"""What decoders return."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Hypothesis:
    """One way to caption an image.

    Attributes:
        tokens: With the stop token, if one was reached.
        score: Log-probability (nats, after temperature and repetition controls) over length ** length_exponent.
        finished: Whether a stop token was reached.
    """

    tokens: list[int]
    score: float
    finished: bool
