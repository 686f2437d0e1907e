"""Relation heads: from the features of a pair of objects to the scores of its predicate."""
