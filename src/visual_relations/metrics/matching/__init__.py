"""Image-text matching: one evaluator for every benchmark of K images and M texts with a map of what belongs together.

`items` is the shape of the data, `outcomes` decides what is right, `protocols` says which numbers each benchmark
prints, `evaluate` prints them; `retrieval` ranks whole collections.
"""
