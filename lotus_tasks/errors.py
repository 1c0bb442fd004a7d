"""Every error LOTUS raises on purpose.

    LotusError
    ├── Transient                worth another try, after retry_after_s where the cause names a time
    │   └── ServiceDown          PostgreSQL, Redis, Chroma or a model server does not answer
    ├── Permanent                another try would fail the same way
    │   ├── InvalidInput         what the user gave can't be used; the message says why
    │   ├── NotFound             an id or a path that names nothing
    │   ├── EffectUnknown        it may have taken effect or not: reported, and never tried again by itself
    │   ├── ConfigurationError   a setting, a manifest or a task is wrong; found at start
    │   └── NotRunning           LOTUS isn't running here; the message names the command that starts it
    ├── StaleLease               another worker took this work over; the write was refused
    ├── HandBack                 the worker is stopping: give the lease back without spending an attempt
    └── Cancelled                the user cancelled the run

Retry policy looks at the axis Transient / Permanent only. A message says what failed, on what, and what to do next.
"""

from __future__ import annotations


class LotusError(Exception):
    """The root of LOTUS's own errors."""


class Transient(LotusError):
    """Worth another try. ``retry_after_s``: seconds the cause asked us to wait, or None."""

    def __init__(self, message: str, *, retry_after_s: float | None = None) -> None:
        super().__init__(message)
        self.retry_after_s = retry_after_s


class ServiceDown(Transient):
    """A service does not answer."""


class Permanent(LotusError):
    """Another try would fail the same way."""


class InvalidInput(Permanent):
    """The user's input can't be used."""


class NotFound(Permanent):
    """An id or a path names nothing."""


class EffectUnknown(Permanent):
    """Whether it took effect can't be known."""


class ConfigurationError(Permanent):
    """A setting, a manifest or a task is wrong."""


class NotRunning(Permanent):
    """LOTUS isn't running here."""


class StaleLease(LotusError):
    """The lease was taken over by another worker."""


class HandBack(LotusError):
    """The worker is stopping; the lease goes back unspent."""


class Cancelled(LotusError):
    """The user cancelled the run."""
