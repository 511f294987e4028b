"""2D people detectors. The only package that imports MMPose and MMDetection."""
