"""What every test starts from."""

import signal


def pytest_configure() -> None:
    """A shell lets its background jobs ignore Ctrl-C, and their children inherit that; the tests send it."""
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)
