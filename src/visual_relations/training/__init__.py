"""The one training loop: seeds, device, precision, checkpoints, resume, progress; models on disk."""
