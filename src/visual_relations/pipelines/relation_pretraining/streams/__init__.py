"""Where batches come from: captions, graph sentences, regions and relations, each a stream, and their mixture."""
