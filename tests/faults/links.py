"""Machines on one wire: network namespaces with an address each, which a test can unplug."""

from __future__ import annotations

import os
import subprocess

BRIDGE = "repairbr"


def run(*argv: str) -> None:
    subprocess.run(argv, check=True, capture_output=True, text=True)


class Network:
    """A bridge at 10.213.77.1, and machines behind it. Needs root."""

    def __init__(self) -> None:
        self.prefix = f"repair{os.getpid()}"
        self.address = "10.213.77.1"
        self._machines: list[str] = []
        run("ip", "link", "add", BRIDGE, "type", "bridge")
        run("ip", "addr", "add", f"{self.address}/24", "dev", BRIDGE)
        run("ip", "link", "set", BRIDGE, "up")

    def machine(self) -> str:
        """A new one; `enter` says how a program runs there."""
        number = len(self._machines) + 2
        name, cable = f"{self.prefix}-{number}", f"rep{os.getpid() % 10**6}x{number}"
        run("ip", "netns", "add", name)
        self._machines.append(name)
        run("ip", "link", "add", cable, "type", "veth", "peer", "name", "eth0", "netns", name)
        run("ip", "link", "set", cable, "master", BRIDGE, "up")
        inside = ("ip", "-n", name)
        run(*inside, "addr", "add", f"10.213.77.{number}/24", "dev", "eth0")
        run(*inside, "link", "set", "lo", "up")
        run(*inside, "link", "set", "eth0", "up")
        return name

    def enter(self, name: str) -> tuple[str, ...]:
        """The words before a program that is to run on this machine. It has a host name of its
        own, by which a sweeper tells its own machine's processes from others'."""
        script = f'hostname {name} && exec "$@"'
        return ("ip", "netns", "exec", name, "unshare", "--uts", "sh", "-c", script, "sh")

    def unplug(self, name: str) -> None:
        """No packet gets through from now on, and nobody is told."""
        run("ip", "-n", name, "link", "set", "eth0", "down")

    def plug_in(self, name: str) -> None:
        run("ip", "-n", name, "link", "set", "eth0", "up")

    def close(self) -> None:
        for name in self._machines:
            subprocess.run(["ip", "netns", "del", name], check=False, capture_output=True)
        subprocess.run(["ip", "link", "del", BRIDGE], check=False, capture_output=True)
