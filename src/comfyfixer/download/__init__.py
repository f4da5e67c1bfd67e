"""One accepted candidate in, one verified file in its place out: nothing lost, nothing wrong, nothing leaked."""
