"""gentri: 3D human motion from ordinary videos of several uncalibrated cameras."""

__version__ = "0.1.0"
