"""One POST → one file, or nothing; and the few answers that cannot be a file."""
