"""The compared programs: how each is installed and called, and how its output is parsed."""
import os
import shutil
import subprocess
import sys
from collections import namedtuple

HERE = os.path.dirname(os.path.abspath(__file__))
MODEL = os.path.abspath(os.path.join(HERE, "../../models/mini_xception_fer2013.onnx"))
CACHE = os.path.join(os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache"), "emotiond/bench-peers")

STRAIGHT = ["opencv-python-headless==5.0.0.93", "onnxruntime==1.31.1"]
FER = ["fer==25.10.3", "tensorflow==2.21.0", "torch==2.15.0", "facenet-pytorch==2.5.3", "setuptools<80"]
# fer requires the wheel that needs desktop libraries, in any version; it was developed with OpenCV 4.
FER_DESKTOP, FER_HEADLESS = "opencv-contrib-python", "opencv-contrib-python-headless==4.14.0.94"
HUMAN = ["@vladmandic/human@3.3.6"]
HUMAN += [f"@tensorflow/tfjs-{part}@4.22.0" for part in ("core", "converter", "backend-wasm")]

# `command(clip, source)` starts it; `boxes(event)` are the faces in a line of its output: x, y, width, height.
Program = namedtuple("Program", "name versions command boxes")


def boxes_of_frame(event):
    return [face["box"] for face in event["faces"]]


def boxes_of_event(event):
    return [] if event["phase"] == "end" else [[event["box"][side] for side in "xywh"]]


def need(program, package):
    if shutil.which(program) is None:
        sys.exit(f"bench-peers: {program} is missing: apt-get install {package}")


def said(*command):
    return subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True).stdout.strip()


def install(name, steps):
    """Runs `steps` in a new folder, unless it was already created with the same steps."""
    folder = os.path.join(CACHE, name)
    stamp, wanted = os.path.join(folder, "installed"), "\n".join(map(" ".join, steps))
    if os.path.exists(stamp):
        with open(stamp, encoding="utf-8") as file:
            if file.read() == wanted:
                return folder
    print(f"bench-peers: installing {name} into {folder}", file=sys.stderr)
    shutil.rmtree(folder, ignore_errors=True)
    os.makedirs(folder)
    for step in steps:
        if subprocess.run(step, cwd=folder, stdout=subprocess.DEVNULL).returncode != 0:
            sys.exit(f"bench-peers: this failed, is the network there?\n{' '.join(step)}")
    with open(stamp, "w", encoding="utf-8") as file:
        file.write(wanted)
    return folder


def install_python(name, *pip_steps):
    """The Python interpreter of the environment."""
    pip = ["bin/python", "-m", "pip", "--quiet", "--disable-pip-version-check", "--no-cache-dir"]
    folder = install(name, [[sys.executable, "-m", "venv", "."], *([*pip, *step] for step in pip_steps)])
    return os.path.join(folder, "bin/python")


def straight(name, yunet, *gate):
    python = install_python("python", ["install", *STRAIGHT])
    script = os.path.join(HERE, "yunet_onnxruntime.py")
    return Program(name, STRAIGHT, lambda clip, source: [python, script, source, yunet, MODEL, *gate], boxes_of_frame)


def fer(name, detector):
    headless = ["uninstall", "--yes", FER_DESKTOP], ["install", FER_HEADLESS]
    python = install_python("fer", ["install", *FER], *headless)
    script = os.path.join(HERE, "fer_faces.py")
    return Program(name, [*FER, FER_HEADLESS], lambda clip, source: [python, script, source, detector], boxes_of_frame)


def human(name, *cache):
    need("npm", "nodejs npm")
    folder = install("human", [["npm", "install", "--silent", "--no-audit", "--no-fund", "--prefix", ".", *HUMAN]])
    script = os.path.join(HERE, "human.mjs")

    def command(clip, source):
        return ["node", script, source, str(clip.width), str(clip.height), folder, *cache]

    return Program(name, [*HUMAN, f"Node {said('node', '--version')}"], command, boxes_of_frame)


# Each installs its packages unless they are already installed.
PEERS = {
    "python": straight,
    "python-gate": lambda name, yunet: straight(name, yunet, "gate"),
    "fer-haar": lambda name, _: fer(name, "haar"),
    "fer-mtcnn": lambda name, _: fer(name, "mtcnn"),
    "human": lambda name, _: human(name),
    "human-cache": lambda name, _: human(name, "cache"),
}


def emotiond(binary, yunet, folder):
    """emotiond, with the same models as the plain Python pipeline."""
    config = os.path.join(folder, "emotiond.toml")
    with open(config, "w", encoding="utf-8") as file:
        file.write(f'[detector]\nname = "yunet"\nfile = "{yunet}"\n[model]\nfile = "{MODEL}"\n')
    run = [binary, "run", "--config", config, "--ep", "cpu", "--emit", "every-frame", "--overlay", "off"]
    versions = [said(binary, "--version")]
    return Program("emotiond", versions, lambda clip, source: [*run, "--source", source], boxes_of_event)
