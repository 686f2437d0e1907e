"""The losses of pretraining, one file each."""
