"""Recipes: what is copied or run to publish elsewhere, and by CI services, as it stands in its files."""
