"""The suite: real archives, real programs, real clients."""
