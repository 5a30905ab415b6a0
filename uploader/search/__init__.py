"""Which projects are meant by a few words: for `pip search`, for people and for programs."""
