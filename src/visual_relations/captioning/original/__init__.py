"""Files of the original program (rmokady/CLIP_prefix_caption): its checkpoints and its feature pickles."""

from visual_relations.captioning.original.checkpoint import OriginalCheckpointError, import_checkpoint
from visual_relations.captioning.original.features import (
    OriginalFeatures,
    OriginalFeaturesError,
    read_features,
    read_token_cache,
)

__all__ = [
    "OriginalCheckpointError",
    "OriginalFeatures",
    "OriginalFeaturesError",
    "import_checkpoint",
    "read_features",
    "read_token_cache",
]
