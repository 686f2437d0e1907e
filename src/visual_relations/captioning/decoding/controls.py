"""What is done to logits before a token is chosen.

Shapes: R rows, T tokens so far, V vocabulary.
"""

from __future__ import annotations

from torch import Tensor
from transformers import (
    LogitsProcessorList,
    NoRepeatNGramLogitsProcessor,
    RepetitionPenaltyLogitsProcessor,
    TemperatureLogitsWarper,
    TopKLogitsWarper,
    TopPLogitsWarper,
)

from visual_relations.captioning.params import DecodingParams


class Controls:
    """Repetition controls, temperature and, for sampling, top-k and top-p.

    Args:
        params: Their strength.
    """

    def __init__(self, params: DecodingParams) -> None:
        processors = []
        if params.repetition_penalty != 1:
            processors.append(RepetitionPenaltyLogitsProcessor(params.repetition_penalty))
        if params.no_repeat_ngram:
            processors.append(NoRepeatNGramLogitsProcessor(params.no_repeat_ngram))
        if params.temperature != 1:
            processors.append(TemperatureLogitsWarper(params.temperature))
        if params.method == "sample":
            processors += [TopKLogitsWarper(params.top_k)] if params.top_k else []
            processors += [TopPLogitsWarper(params.top_p)] if params.top_p else []
        self._processors = LogitsProcessorList(processors)

    def __call__(self, tokens_RT: Tensor, logits_RV: Tensor) -> Tensor:
        """Logits (R, V) to choose from, given the tokens of every row so far."""
        return self._processors(tokens_RT, logits_RV)
