"""The command line: parse, call, render; one file per command."""

import gc

# A command's start is imports: looking for garbage among them finds none, and costs a tenth of the start.
gc.set_threshold(100_000, 50, 100)
