"""What both daemons share: the words, what lies where, and "appears whole or not at all"."""

VERSION = "0.2.0"
