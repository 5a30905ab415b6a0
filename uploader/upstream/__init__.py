"""A name that is unknown here, found elsewhere: here → pages (client, detail) → files (fetch, kept). See `fallback`."""
