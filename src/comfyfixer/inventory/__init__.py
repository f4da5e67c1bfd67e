"""The local ComfyUI installation: where it is, which models and node packs it has."""
