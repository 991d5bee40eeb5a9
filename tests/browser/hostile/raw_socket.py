"""Open a socket, which Emscripten would make a WebSocket."""

import socket

host, port = CANARY.split("/")[2].split(":")
for kind in (socket.SOCK_STREAM, socket.SOCK_DGRAM):

    def send(kind=kind):
        opened = socket.socket(socket.AF_INET, kind)
        opened.settimeout(1)
        opened.connect((host, int(port)))
        opened.send(b"GET /socket HTTP/1.0\r\n\r\n")

    attempt(send)
