"""A small CLIP of open_clip's own classes with random weights."""

import open_clip
import pytest
import torch
from open_clip.transform import PreprocessCfg

from visual_relations.clip.frozen import FrozenClip
from visual_relations.clip.preprocess import Preprocess


@pytest.fixture(scope="session")
def clip():
    torch.manual_seed(0)
    model = open_clip.CLIP(
        embed_dim=24,
        vision_cfg=open_clip.CLIPVisionCfg(layers=1, width=32, head_width=16, patch_size=16, image_size=32),
        text_cfg=open_clip.CLIPTextCfg(width=32, heads=2, layers=2),
        quick_gelu=True,
    )
    return FrozenClip(model, open_clip.SimpleTokenizer(), Preprocess(PreprocessCfg(size=32)), "tiny")
