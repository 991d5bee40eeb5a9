"""Fetch with the standard library."""

import http.client
import urllib.request

attempt(urllib.request.urlopen, CANARY + "urllib")


def by_hand():
    connection = http.client.HTTPConnection(CANARY.split("/")[2], timeout=1)
    connection.request("GET", "/http-client")


attempt(by_hand)
