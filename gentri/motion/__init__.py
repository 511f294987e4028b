"""Motion of people from files of a user's own, as data to train on.

Every reader gives its joints by name; they become the joints of `gentri.synthetic.bodies`, metres,
z up, 10 Hz.
"""

from gentri.motion.reading import read_motion

__all__ = ["read_motion"]
