"""One module for each group of figures: each measures all contestants in turn, round by round."""
