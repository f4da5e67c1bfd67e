"""One event stream; the logs, the live status and the progress bars are its listeners."""
