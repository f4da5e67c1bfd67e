"""ComfyFixerSmart: makes any ComfyUI workflow runnable on this machine."""

__version__ = "0.1.0"
