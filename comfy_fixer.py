"""The first plan's entry point: `--auto`, `--scan`, `--resolve`, `--download`, `--status`, `--resume`."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent / "src"))

if __name__ == "__main__":
    try:
        from comfyfixer.cli.main import main_legacy
    except ModuleNotFoundError as error:
        sys.exit(f"error: the Python package `{error.name}` is not installed\nhint: run `python -m pip install .` here")
    main_legacy()
