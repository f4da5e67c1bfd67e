"""`python -m comfyfixer`, and the command `comfyfixer`.

Each further process that reads imports this file before its work: what only the command line needs is not for it.
"""

import comfyfixer.cli  # noqa: F401  keeps the garbage collector quiet while the rest is imported


def main() -> None:
    """Run one command and end the process with its exit code."""
    from comfyfixer.cli.main import main as run

    run()


if __name__ == "__main__":
    main()
