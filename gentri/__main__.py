"""`python -m gentri`."""

from gentri.cli.app import main

main()
