"""Workflows inside pictures, films, sounds and models: only the container is read, never what it shows."""
