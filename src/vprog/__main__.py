"""`python -m vprog`: the command line."""

from vprog.cli.app import main

if __name__ == "__main__":
    main()
