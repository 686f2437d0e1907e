"""From image vectors to captions: greedy, beam search and sampling, batched and with a key-value cache."""

from visual_relations.captioning.decoding.generate import Caption, generate, generate_tokens
from visual_relations.captioning.decoding.hypothesis import Hypothesis

__all__ = ["Caption", "Hypothesis", "generate", "generate_tokens"]
