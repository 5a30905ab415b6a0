"""How fast Larder is beside what the machine can do: the same files, the same run, one table of ratios."""
