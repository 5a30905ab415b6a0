"""One upload: address → authorize → form → check → store → listed → answer. Begin at `uploads`."""
