"""The table of contents of the program: every stage, in order."""
