"""Receives Open Sound Control on a port of its own and prints each message as a line of JSON: seconds, address, values.
With a port as argument, what is written to stdin, a line of JSON each, is sent there: address, values."""

import json
import sys
import threading
import time

from pythonosc.dispatcher import Dispatcher
from pythonosc.osc_server import BlockingOSCUDPServer
from pythonosc.udp_client import SimpleUDPClient


def say(*what):
    print(json.dumps(what), flush=True)


def send():
    client = SimpleUDPClient("127.0.0.1", int(sys.argv[1]))
    for line in sys.stdin:
        address, values = json.loads(line)
        client.send_message(address, values)


dispatcher = Dispatcher()
dispatcher.set_default_handler(lambda address, *values: say(time.monotonic(), address, *values))
server = BlockingOSCUDPServer(("127.0.0.1", 0), dispatcher)
say(server.server_address[1])
if len(sys.argv) > 1:
    threading.Thread(target=send, daemon=True).start()
server.serve_forever()
