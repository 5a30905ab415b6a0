"""Wheels and sdists of the sizes real projects have: the same bytes for the same number of files, on any machine."""

VERSION = 1  # of the bytes made: what is cached is made again where this differs
