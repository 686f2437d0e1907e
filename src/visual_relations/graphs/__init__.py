"""Scene graphs as tables: cleaning, vocabularies, pairs, graph sentences. No kedro, no torch."""
