"""The shared room: archives, names, policy."""
