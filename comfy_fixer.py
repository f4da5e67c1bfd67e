"""The first plan's entry point: `--auto`, `--scan`, `--resolve`, `--download`, `--status`, `--resume`."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent / "src"))

from comfyfixer.cli.main import main_legacy  # the path has to be there first

if __name__ == "__main__":
    main_legacy()
