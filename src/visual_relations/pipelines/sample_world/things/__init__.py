"""Drawing functions by theme."""
