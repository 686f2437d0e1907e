"""Hyper-parameter studies: a resumable engine on Optuna that several workers can share."""
