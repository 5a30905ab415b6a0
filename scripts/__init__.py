"""One short script for each thing a person does, and the supervisor behind `scripts/serve`."""
