"""`python -m sequencer` is the command `braid`."""

from sequencer.cli import main

if __name__ == "__main__":
    main()
