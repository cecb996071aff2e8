"""A video in which a face comes and goes."""

import subprocess
from pathlib import Path

PICTURE = Path(__file__).parents[2] / "tests/data/astronaut.jpg"


def clip(folder):
    """A file of 20 seconds: twice, the picture fades in and out."""
    file = Path(folder) / "clip.mp4"
    fade = "scale=512:512,fade=in:0:25,fade=out:st=9:d=1,format=yuv420p,loop=1:150"
    command = ["ffmpeg", "-loglevel", "error", "-loop", "1", "-t", "10", "-r", "15", "-i", PICTURE]
    subprocess.run([*command, "-vf", fade, "-t", "20", file], check=True)
    return file
