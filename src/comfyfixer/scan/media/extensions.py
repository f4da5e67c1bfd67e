"""The extensions of files that can hold a workflow."""

from typing import Final

MEDIA_EXTENSIONS: Final = frozenset(
    {
        ".png", ".apng", ".webp", ".jpg", ".jpeg", ".avif", ".heic", ".mp4", ".mov", ".m4v", ".m4a", ".webm", ".mkv",
        ".mka", ".flac", ".mp3", ".ogg", ".oga", ".opus", ".svg", ".glb", ".safetensors", ".latent", ".exr",
    }
)  # fmt: skip
"""Lower-case. What a file really is, its first bytes tell."""
