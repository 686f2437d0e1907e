"""What a prefix says: the tokens whose embeddings are nearest to its vectors.

Shapes: N images, D image vector width, k prefix length, E language model width, V vocabulary.
Source: paper, section 4.3. Readable words when the language model was tuned, hardly any when it was frozen.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional
from transformers import PreTrainedTokenizerBase

from visual_relations.captioning.captioner import Captioner


@torch.no_grad()
def read_prefix(
    captioner: Captioner, tokenizer: PreTrainedTokenizerBase, features_ND: Tensor
) -> tuple[list[list[str]], Tensor]:
    """Find the token nearest to each prefix vector by cosine.

    Args:
        captioner: Whose prefixes are read.
        tokenizer: Of its language model.
        features_ND: Image vectors.

    Returns:
        For each of N images k tokens as text, and their cosines (N, k).
    """
    prefix_NkE = functional.normalize(captioner.prefix(features_ND), dim=-1)
    embeddings_VE = functional.normalize(captioner.language_model.get_input_embeddings().weight, dim=-1)
    cosines_Nk, tokens_Nk = (prefix_NkE @ embeddings_VE.T).max(-1)
    return [[tokenizer.decode([token]) for token in row] for row in tokens_Nk.tolist()], cosines_Nk
