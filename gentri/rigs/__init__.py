"""Camera rigs and lenses in the files of other tools: one module per family of files.

Readers and writers convert between a file's conventions and gentri's (metres, OpenCV axes, integer
pixels at pixel centres). What a file or gentri cannot hold is refused, never dropped.
"""
