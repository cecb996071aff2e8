"""Creates the clips: heads in a grid, cropped from the project's portrait, in slight motion, or an empty room."""
import math
import os
import subprocess
from collections import namedtuple

PORTRAIT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "../../tests/data/astronaut.jpg")
HEAD = "crop=220:220:118:10"
BACKGROUND = "0x606870"
SWAY = 16  # pixels to each side
FRAME_RATE = 30
NOISE = "noise=alls=6:allf=t"  # of a camera
VISIT = 10  # frames with a head at both ends of the clip of an empty room

# As sent by cameras.
JPEG = ["-c:v", "mjpeg", "-q:v", "3", "-pix_fmt", "yuvj420p"]

Clip = namedtuple("Clip", "width height faces picture video")


def ffmpeg(source, filters, frames, target):
    command = ["ffmpeg", "-v", "error", "-nostdin", "-y", "-i", source, "-vf", ",".join(filters), "-r", str(FRAME_RATE)]
    subprocess.run([*command, "-frames:v", str(frames), *JPEG, target], check=True)


def make_clip(folder, width, height, faces, frames):
    """A JPEG and an MJPG video; `faces` is a square number."""
    columns = math.isqrt(faces)
    cell_width, cell_height = width // columns, height // columns
    side = min(cell_width, cell_height)
    stem = os.path.join(folder, f"{width}x{height}-{faces}")
    clip = Clip(width, height, faces, stem + ".jpg", stem + ".avi")
    cell = [HEAD, f"scale={side}:{side}", f"pad={cell_width}:{cell_height}:-1:-1:{BACKGROUND}"]
    ffmpeg(PORTRAIT, [*cell, f"loop={faces - 1}:1", f"tile={columns}x{columns}"], 1, clip.picture)
    room = f"pad={width + 2 * SWAY}:{height + 2 * SWAY}:-1:-1:{BACKGROUND}"
    sway = f"crop={width}:{height}:{SWAY}*(1+sin(n/11)):{SWAY}*(1+sin(n/17))"
    ffmpeg(clip.picture, ["loop=-1:1", room, sway], frames, clip.video)
    return clip


def make_empty_clip(folder, width, height, frames):
    """A room with a camera's noise. A head is there in the first and last frames: emotiond tells nothing of nobody."""
    stem = os.path.join(folder, f"{width}x{height}-0")
    room = f"color={BACKGROUND}:{width}x{height}:r={FRAME_RATE}"
    visit = f"overlay=(W-w)/2:(H-h)/2:enable='lt(n,{VISIT})+gte(n,{frames - VISIT})',{NOISE}"
    head = f"[1]{HEAD},scale={height // 2}:-1[head];[0][head]{visit}"
    inputs = ["-f", "lavfi", "-i", room, "-loop", "1", "-i", PORTRAIT]
    subprocess.run(["ffmpeg", "-v", "error", "-nostdin", "-y", *inputs, "-filter_complex", head, "-frames:v", str(frames),
                    *JPEG, stem + ".avi"], check=True)
    return Clip(width, height, 0, None, stem + ".avi")


def cells_hit(clip, boxes):
    """The number of heads that have a box with its centre near the head's centre."""
    columns = math.isqrt(clip.faces)
    hit = set()
    for x, y, width, height in boxes:
        column, row = (x + width / 2) * columns / clip.width, (y + height / 2) * columns / clip.height
        if max(abs(column % 1 - 0.5), abs(row % 1 - 0.5)) < 0.3:
            hit.add((int(column), int(row)))
    return len(hit)
