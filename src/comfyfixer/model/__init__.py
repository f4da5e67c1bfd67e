"""The values that pass between rooms: frozen, typed, one file per noun."""
