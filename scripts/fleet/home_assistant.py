"""Starts Home Assistant with a broker and the daemon, and prints what it has made of them. See
scripts/try-home-assistant."""

import json
import os
import subprocess
import sys
import tempfile
import time
import urllib.parse
import urllib.request
from pathlib import Path

import brokers
from clip import clip

USER = {"username": "me", "password": "a password for this run"}


def configure(folder, broker_port, own_port):
    """Writes Home Assistant's configuration: its API, and MQTT with the broker."""
    folder.mkdir()
    (folder / "configuration.yaml").write_text(f"http:\n  server_port: {own_port}\napi:\n")
    entry = {
        "entry_id": "1", "version": 1, "minor_version": 2, "domain": "mqtt", "title": "broker", "source": "user",
        "data": {"broker": "127.0.0.1", "port": broker_port, "discovery": True}, "options": {}, "unique_id": None,
        "disabled_by": None, "pref_disable_new_entities": False, "pref_disable_polling": False, "discovery_keys": {},
        "subentries": [], "created_at": "2025-01-01T00:00:00+00:00", "modified_at": "2025-01-01T00:00:00+00:00",
    }
    storage = folder / ".storage"
    storage.mkdir()
    content = {"version": 1, "minor_version": 5, "key": "core.config_entries", "data": {"entries": [entry]}}
    (storage / "core.config_entries").write_text(json.dumps(content))
    hass = [sys.executable, "-m", "homeassistant"]
    user = ["--script", "auth", "--config", folder, "add", USER["username"], USER["password"]]
    subprocess.run([*hass, *user], check=True, capture_output=True)
    return [*hass, "--config", folder, "--skip-pip"]


class Api:
    """Home Assistant's HTTP API, as its user."""

    def __init__(self, port):
        self.url, self.token = f"http://127.0.0.1:{port}", None
        client = f"{self.url}/"
        flow = {"client_id": client, "handler": ["homeassistant", None], "redirect_uri": client}
        flow = self.ask("/auth/login_flow", json.dumps(flow).encode())
        done = self.ask(f"/auth/login_flow/{flow['flow_id']}", json.dumps({**USER, "client_id": client}).encode())
        form = {"grant_type": "authorization_code", "code": done["result"], "client_id": client}
        self.token = self.ask("/auth/token", urllib.parse.urlencode(form).encode())["access_token"]

    def ask(self, path, body=None):
        headers = {"Authorization": f"Bearer {self.token}"} if self.token else {}
        with urllib.request.urlopen(urllib.request.Request(self.url + path, body, headers)) as answer:
            return json.load(answer)

    def entities(self):
        """The states of the entities that emotiond has announced."""
        states = {state["entity_id"]: state for state in self.ask("/api/states")}
        return {name: state for name, state in states.items() if "box1" in name or "door" in name}


def show(entities):
    for name, state in sorted(entities.items()):
        of = state["attributes"]
        more = of.get("event_type") or of.get("device_class") or ""
        print(f"  {name:45} {state['state']:32} {of.get('unit_of_measurement', ''):6} {more}")


def stop(programs):
    """Stops the daemon and the player."""
    for program in programs:
        program.terminate()
        program.wait()


def main():
    with tempfile.TemporaryDirectory() as folder:
        broker, port = brokers.mosquitto(folder), brokers.free_port()
        command = configure(Path(folder) / "home-assistant", broker.port, port)
        programs = []
        with open(Path(folder) / "home-assistant.log", "w") as log:
            home = subprocess.Popen(command, stdout=log, stderr=log)
        try:
            brokers.wait_for("Home Assistant", lambda: brokers.answers(port), 300)
            api = Api(port)
            config, pipe = Path(folder) / "emotiond.toml", Path(folder) / "pipe"
            os.mkfifo(pipe)
            config.write_text(
                f'overlay = "off"\n[device]\nid = "box1"\n[[output]]\nuri = "mqtt://127.0.0.1:{broker.port}"\n'
                f'spool_dir = "{folder}/spool"\nhome_assistant = true\n[audience]\nevery_s = 1.0\n'
                f'[[source]]\nname = "door"\nuri = "{pipe}"\n'
            )
            file = clip(folder)
            player = ["ffmpeg", "-loglevel", "error", "-y", "-re", "-stream_loop", "-1", "-i", file]
            programs.append(subprocess.Popen([os.environ["EMOTIOND"], "run", "--config", config], stdout=subprocess.DEVNULL))
            programs.append(subprocess.Popen([*player, "-f", "mjpeg", pipe]))
            unknown = ("unknown", "unavailable")
            state = lambda kind: next((told["state"] for name, told in api.entities().items() if kind in name), "")
            brokers.wait_for("the emotion in Home Assistant", lambda: state("door_emotion") not in ("", *unknown), 60)
            print("With a face in view:")
            show(api.entities())
            # Somebody pauses the source in Home Assistant, and resumes it: the face is a new one then.
            switch = json.dumps({"entity_id": "switch.emotiond_box1_door_enabled"}).encode()
            api.ask("/api/services/switch/turn_off", switch)
            brokers.wait_for("the pause", lambda: state("door_enabled") == "off", 30)
            print("Paused by its switch:")
            show(api.entities())
            api.ask("/api/services/switch/turn_on", switch)
            brokers.wait_for("the event of a new face", lambda: state("door_face") not in ("", *unknown), 60)
            print("Resumed by its switch:")
            show(api.entities())
            stop(programs)
            is_away = lambda: all(state["state"] == "unavailable" for state in api.entities().values())
            brokers.wait_for("the end in Home Assistant", is_away, 30)
            print("After the daemon's end:")
            show(api.entities())
        finally:
            stop(programs)
            home.terminate()
            home.wait()
            broker.stop()
            log = (Path(folder) / "home-assistant.log").read_text()
            complaints = [line for line in log.splitlines() if " ERROR " in line or "mqtt" in line.lower()]
            print("Home Assistant's errors, and what it says about MQTT:", *complaints, sep="\n  ")


main()
