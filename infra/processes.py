"""Processes found again by number and age, followed to their children, ended."""

import signal
import time
from contextlib import suppress
from typing import Any

import psutil


def find(one: dict[str, Any]) -> psutil.Process | None:
    """The process {"pid", "created"}, unless it has ended (its number may have gone to another since)."""
    try:
        process = psutil.Process(one["pid"])
        return process if abs(process.create_time() - one["created"]) < 1 and is_alive(process) else None
    except psutil.NoSuchProcess:
        return None


def wait_gone(processes: list[psutil.Process], seconds: float) -> list[psutil.Process]:
    """Wait for the ends of processes; those that are still there after `seconds`.

    (A stopped parent does not collect its children: they are zombies then.)
    """
    deadline = time.monotonic() + seconds
    while (alive := [one for one in processes if is_alive(one)]) and time.monotonic() < deadline:
        time.sleep(0.1)
    return alive


def is_alive(process: psutil.Process) -> bool:
    """Whether it runs; a zombie has ended."""
    try:
        return bool(process.is_running() and process.status() != psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return False


def below(process: psutil.Process) -> list[psutil.Process]:
    """Its children and theirs; none where it is gone."""
    try:
        return list(process.children(recursive=True))
    except psutil.NoSuchProcess:
        return []


def parent(process: psutil.Process) -> psutil.Process | None:
    """Its parent; None where either is gone."""
    try:
        return process.parent()
    except psutil.NoSuchProcess:
        return None


def send(process: psutil.Process, number: signal.Signals) -> None:
    """Send a signal to what may be gone."""
    with suppress(psutil.NoSuchProcess):
        process.send_signal(number)
