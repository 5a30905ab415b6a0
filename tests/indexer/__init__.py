"""The indexer: its pure parts with a clock of their own, the rest on a directory."""
