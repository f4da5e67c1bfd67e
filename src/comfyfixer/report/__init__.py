"""Pure: what a run came to, as text for people."""
