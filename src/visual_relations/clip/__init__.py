"""Frozen CLIP: any open_clip model; images, texts and prompts to features."""
