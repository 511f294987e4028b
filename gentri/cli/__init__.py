"""The command line: parse, edit the session's settings, call the pipeline. No maths."""
