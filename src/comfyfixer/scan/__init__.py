"""Workflow bytes in, what the workflow needs out."""
