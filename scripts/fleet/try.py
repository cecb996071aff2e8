"""Three devices and a store; then many devices and one broker. See scripts/try-fleet."""

import asyncio
import collections
import json
import os
import subprocess
import sys
import tempfile
import threading
import time
from datetime import datetime
from pathlib import Path

import brokers
import paho.mqtt.client as mqtt
from clip import clip
from store import Store

EMOTIOND = os.environ["EMOTIOND"]


def listen(port, topics, take):
    """Hands each payload of `topics` to `take`, those kept by the broker while the listener was away too."""
    client = mqtt.Client(mqtt.CallbackAPIVersion.VERSION2, client_id="store", clean_session=False)
    client.on_connect = lambda *_: client.subscribe([(topic, 1) for topic in topics])
    client.on_message = lambda _client, _data, message: take(message.payload.decode())
    client.reconnect_delay_set(1, 2)
    client.connect("127.0.0.1", port)
    client.loop_start()
    return client


async def read_stream(port, count):
    """The first `count` payloads of the stream that keeps all events."""
    import nats

    connection = await nats.connect(f"nats://127.0.0.1:{port}")
    consumer = await connection.jetstream().pull_subscribe("emotiond.>", "store")
    lines = []
    while len(lines) < count:
        for message in await consumer.fetch(100, timeout=20):
            lines.append(message.data.decode())
            await message.ack()
    await connection.close()
    return lines


async def make_stream(port):
    import nats

    connection = await nats.connect(f"nats://127.0.0.1:{port}")
    subjects = [f"emotiond.*.*.{kind}" for kind in ("state", "audience", "face")] + ["emotiond.*.event.marker"]
    await connection.jetstream().add_stream(name="emotiond", subjects=subjects)
    await connection.close()


def run_device(name, file, ports, folder):
    """Runs a device's daemon over a clip, with one output for each broker; a marker begins each scene."""
    config = Path(folder) / f"{name}.toml"
    outputs = "".join(
        f'[[output]]\nuri = "mqtt://127.0.0.1:{port}"\nspool_dir = "{folder}/{name}-{port}"\n' for port in ports
    )
    config.write_text(
        f'overlay = "off"\n[device]\nid = "{name}"\n{outputs}[audience]\nevery_s = 1.0\n'
        f'[[source]]\nname = "door"\nuri = "{file}"\n'
    )
    return subprocess.Popen([EMOTIOND, "run", "--config", config], stdout=subprocess.PIPE, text=True)


def three_devices(folder):
    """Three devices, two brokers, a store for each; both stores must hold the same lines."""
    file = clip(folder)
    nats, nats_port = brokers.nats(folder)
    mosquitto = brokers.mosquitto(folder)
    asyncio.run(make_stream(nats_port))
    received = []
    scenes = {1: "Act 1", 10: "Act 2"}
    told_by = collections.Counter()

    def take(line):
        received.append(line)
        if '"audience"' in line:
            device = json.loads(line)["device"]
            told_by[device] += 1
            if scene := scenes.get(told_by[device]):
                listener.publish(f"emotiond/{device}/marker", scene)

    listener = listen(mosquitto.port, ["emotiond/#"], take)
    devices = [run_device(f"site{n}-box1", file, [nats.port, mosquitto.port], folder) for n in (1, 2, 3)]
    told = [line for device in devices for line in device.communicate()[0].splitlines()]
    wanted = sum(1 for line in told if json.loads(line)["type"] != "face")
    keep = lambda lines: [line for line in lines if '"seq"' in line]
    brokers.wait_for("all events at mosquitto", lambda: len(keep(received)) >= wanted)
    listener.loop_stop()
    streamed = asyncio.run(asyncio.wait_for(read_stream(nats_port, wanted), 60))
    mosquitto.stop(), nats.stop()
    by_mosquitto, by_nats = Store(), Store()
    by_mosquitto.add(keep(received))
    by_nats.add(streamed)
    print(f"3 devices told {wanted} lines; stored by mosquitto {by_mosquitto.count()}, by nats {by_nats.count()}")
    for question in ("faces_an_hour", "emotion_a_scene", "gaps"):
        by_nats.ask(question)


def offsets(lines):
    """Seconds from the first line to each."""
    times = [datetime.fromisoformat(json.loads(line)["time"]) for line in lines]
    return [(time - times[0]).total_seconds() for time in times]


def recording(seconds):
    """What a device tells in so many seconds: a line a second."""
    start = time.time()
    stamp = lambda s: datetime.fromtimestamp(start + s).astimezone().isoformat(timespec="milliseconds")
    head = lambda s, kind: {"v": 1, "type": kind, "source": "door", "time": stamp(s)}
    lines = [json.dumps({**head(0, "source"), "state": "up", "reason": ""})]
    emotions = {"neutral": 0.7, "happy": 0.3}
    for second in range(1, seconds):
        faces = {"now": second % 4, "mean": 1.5, "max": 3, "distinct": 4}
        figures = {"window_s": 10.0, "faces": faces, "emotions": emotions, "dominant": "neutral"}
        lines.append(json.dumps({**head(second, "audience"), **figures}))
    return lines


def replay(senders, lines):
    """Writes the recording at its own speed to all senders, each a little later than the one before."""
    at = offsets(lines)
    count = len(senders)
    schedule = [(offset + n / count, n, line) for n in range(count) for offset, line in zip(at, lines)]
    start = time.monotonic()
    for due, number, line in sorted(schedule):
        time.sleep(max(0.0, start + due - time.monotonic()))
        pipe = senders[number].stdin
        pipe.write(line.encode() + b"\n")
        pipe.flush()
    for sender in senders:
        sender.stdin.close()


def many_devices(folder, count, seconds):
    """`count` senders and one broker, which is away from a quarter of the time to the half of it."""
    broker = brokers.mosquitto(folder)
    seen, doubles = collections.defaultdict(set), 0

    def take(line):
        nonlocal doubles
        event = json.loads(line) if '"seq"' in line else None
        if event:
            numbers = seen[event["device"], event["run"]]
            doubles += event["seq"] in numbers
            numbers.add(event["seq"])

    listener = listen(broker.port, ["emotiond/#"], take)
    lines = recording(seconds)
    command = lambda n: [EMOTIOND, "send", "--to", f"mqtt://127.0.0.1:{broker.port}", "--device", f"box{n}"]
    state = lambda n: {**os.environ, "XDG_STATE_HOME": f"{folder}/state{n}"}
    senders = [subprocess.Popen(command(n), stdin=subprocess.PIPE, env=state(n)) for n in range(count)]
    writer = threading.Thread(target=replay, args=(senders, lines))
    writer.start()
    time.sleep(seconds / 4)
    cpu, memory = brokers.used([sender.pid for sender in senders])
    broker_cpu, broker_memory = brokers.used([broker.process.pid])
    broker.stop()
    time.sleep(seconds / 4)
    broker.start()
    writer.join()
    ended = [sender.wait() for sender in senders]
    wanted = count * len(lines)
    brokers.wait_for("all events", lambda: sum(map(len, seen.values())) >= wanted, 60)
    listener.loop_stop()
    broker.stop()
    elapsed = seconds / 4
    print(f"\n{count} devices, {count * len(lines) / seconds:.0f} messages a second, broker away for {elapsed:.0f} s:")
    lost = wanted - sum(map(len, seen.values()))
    print(f"  lost {lost} of {wanted}, received twice {doubles}, failed senders {sum(map(bool, ended))}")
    print(f"  a sender: {1000 * cpu / count / elapsed:.2f} ms of processor time a second, {memory / count:.1f} MB")
    print(f"  the broker: {1000 * broker_cpu / elapsed:.0f} ms of processor time a second, {broker_memory:.0f} MB")


def main():
    count, seconds = int(sys.argv[1]), int(sys.argv[2])
    with tempfile.TemporaryDirectory() as folder:
        for part in ("three", "many"):
            (Path(folder) / part).mkdir()
        three_devices(f"{folder}/three")
        many_devices(f"{folder}/many", count, seconds)


main()
