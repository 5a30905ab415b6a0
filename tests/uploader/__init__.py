"""The uploader alone: no nginx, no indexer, what they would have said written by hand."""
