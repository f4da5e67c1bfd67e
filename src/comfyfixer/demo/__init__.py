"""A small installation and an embedded hub on loopback: the whole pipeline without a key and without a network."""
