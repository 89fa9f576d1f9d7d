"""Ports on 127.0.0.1: which are free, and who holds one that is not."""

from __future__ import annotations

import random
import socket
from contextlib import closing

import psutil

from reprise.sandbox.home import HOST


def is_free(port: int) -> bool:
    """Return whether a server could listen on the port now."""
    with closing(socket.socket(socket.AF_INET, socket.SOCK_STREAM)) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError:
            return False
    return True


def holder(port: int) -> str:
    """Return who listens on the port, in words."""
    try:
        connections = psutil.net_connections("tcp")
    except psutil.AccessDenied:
        connections = []
    for connection in connections:
        port_here = getattr(connection.laddr, "port", None)
        if connection.status == psutil.CONN_LISTEN and port_here == port and connection.pid:
            try:
                return f"{psutil.Process(connection.pid).name()} (pid {connection.pid})"
            except psutil.Error:
                continue
    return "another user's process"


def free_ports(count: int) -> list[int]:
    """Return ports that were free a moment ago, all different.

    They lie below those that systems hand to outgoing connections: a service that is started again at its port
    must not find a stranger's connection there.
    """
    found: list[int] = []
    while len(found) < count:
        port = random.randint(20_000, 32_000)
        if port not in found and is_free(port):
            found.append(port)
    return found
