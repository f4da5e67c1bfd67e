"""What holds for every test: cases that are made up are the same ones each time, and no clock decides."""

from hypothesis import settings

settings.load_profile("ci")
