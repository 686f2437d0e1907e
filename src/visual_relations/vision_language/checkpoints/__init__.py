"""Checkpoints of other programs: what their tensors are called, other image sizes, conversion and its proof."""
