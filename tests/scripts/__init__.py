"""Tests of `scripts/`: what a person starts, and what root becomes."""
