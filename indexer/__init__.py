"""Directory → pages, again and again: watch, read, render, write."""
