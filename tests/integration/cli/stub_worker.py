"""Stands in for the worker: waits until it is stopped."""

import signal

if __name__ == "__main__":
    signal.sigwait({signal.SIGTERM})
