"""The language model while it writes: reads token by token and remembers what it has read.

Shapes: R rows (unfinished captions), k prefix length, E language model width, V vocabulary.
"""

from __future__ import annotations

import torch
from torch import Tensor
from transformers import DynamicCache, PreTrainedModel

from visual_relations.captioning.language_models import cache_argument


class Reader:
    """Unfinished captions of a batch, one row each.

    Args:
        language_model: Reads them.
    """

    def __init__(self, language_model: PreTrainedModel) -> None:
        self._language_model = language_model
        self._cache = DynamicCache(config=language_model.config)
        self._cache_argument = cache_argument(language_model)

    def read_prefix(self, prefix_RkE: Tensor) -> Tensor:
        """Begin; returns logits (R, V) of the first token."""
        return self._read(prefix_RkE)

    def read(self, tokens_R: Tensor) -> Tensor:
        """Read one more token of every row; returns logits (R, V) of the next one."""
        return self._read(self._language_model.get_input_embeddings()(tokens_R[:, None]))

    def choose(self, rows_R: Tensor, n_rows: int) -> None:
        """Go on with these rows only, in this order; a row may be taken several times.

        Args:
            rows_R: Numbers of the rows to go on with.
            n_rows: How many rows there are now.
        """
        if len(rows_R) != n_rows or not torch.equal(rows_R, torch.arange(n_rows, device=rows_R.device)):
            self._cache.reorder_cache(rows_R)

    def _read(self, embedded_RTE: Tensor) -> Tensor:
        output = self._language_model(
            inputs_embeds=embedded_RTE, use_cache=True, logits_to_keep=1, **{self._cache_argument: self._cache}
        )
        return output.logits[:, -1].float()
