"""Learned prompts on frozen CLIP: pseudo labels by retrieval, the prompt learner, its contrastive training."""
