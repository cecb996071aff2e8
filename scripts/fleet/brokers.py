"""Starts brokers on free ports and ends them, and reads how much of the machine a process has used."""

import os
import socket
import subprocess
import time
from pathlib import Path


def free_port():
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return one.getsockname()[1]


def wait_for(what, is_there, seconds=20):
    """Waits until `is_there()` is true."""
    end = time.monotonic() + seconds
    while not is_there():
        if time.monotonic() > end:
            raise SystemExit(f"try-fleet: {what} did not come within {seconds} seconds")
        time.sleep(0.05)


def answers(port):
    with socket.socket() as one:
        return one.connect_ex(("127.0.0.1", port)) == 0


class Broker:
    """A broker that can be ended and started again with its state."""

    def __init__(self, command, port, log):
        self.command, self.port, self.log = command, port, log
        self.start()

    def start(self):
        with open(self.log, "ab") as log:
            self.process = subprocess.Popen(self.command, stdout=log, stderr=log)
        wait_for(f"{self.command[0]} (its log is {self.log})", lambda: answers(self.port))

    def stop(self):
        self.process.terminate()
        self.process.wait()


def mosquitto(folder):
    port, file = free_port(), Path(folder) / "mosquitto.conf"
    file.write_text(
        f"listener {port} 127.0.0.1\nallow_anonymous true\nuser root\n"
        f"persistence true\npersistence_location {folder}/\nmax_queued_messages 0\nautosave_interval 5\n"
    )
    return Broker(["mosquitto", "-c", str(file)], port, Path(folder) / "mosquitto.log")


def nats(folder):
    """A nats-server; returns it and the port of its own protocol."""
    port, own, file = free_port(), free_port(), Path(folder) / "nats.conf"
    file.write_text(
        f'server_name: fleet\nlisten: "127.0.0.1:{own}"\njetstream {{ store_dir: "{folder}/jetstream" }}\n'
        f'mqtt {{ listen: "127.0.0.1:{port}" }}\n'
    )
    return Broker(["nats-server", "-c", str(file)], port, Path(folder) / "nats.log"), own


def used(pids):
    """Processor seconds and resident megabytes of some processes."""
    ticks, page = os.sysconf("SC_CLK_TCK"), os.sysconf("SC_PAGE_SIZE")
    seconds = megabytes = 0.0
    for pid in pids:
        try:
            fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
            resident = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
        except OSError:
            continue
        seconds += (int(fields[11]) + int(fields[12])) / ticks
        megabytes += resident * page / 2**20
    return seconds, megabytes
