"""Where ffmpeg is."""

import shutil


def ffmpeg_executable() -> str:
    """Path of the system's ffmpeg, else of the one that comes with imageio-ffmpeg."""
    system = shutil.which("ffmpeg")
    if system:
        return system
    import imageio_ffmpeg

    return imageio_ffmpeg.get_ffmpeg_exe()
