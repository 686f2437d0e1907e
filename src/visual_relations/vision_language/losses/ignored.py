"""Apart, so that whoever prepares labels needs no torch."""

IGNORED = -100  # label of tokens that are not to be guessed
