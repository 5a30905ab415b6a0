"""Raw files: address → authorize → conditions → arriving → digests → store. Begin at `stores`."""
