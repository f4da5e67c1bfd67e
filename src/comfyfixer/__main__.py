"""`python -m comfyfixer`."""

from comfyfixer.cli.main import main

if __name__ == "__main__":
    main()
