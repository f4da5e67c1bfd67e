"""Where missing models may be had: one file per catalogue, all of one Protocol."""
