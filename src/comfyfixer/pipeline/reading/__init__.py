"""Workflow files from disk to what they need: one, many, remembered."""
