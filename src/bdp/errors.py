"""One error tree. The class says what a caller may do; the text says what happened, where, and what to do next.

BdpError
├── Retry                  try the same call again later
│   ├── StreamUnavailable    a sink cannot take records now (broker down, disk error, locked)
│   │   └── DiskFull           … because its disk is full
│   ├── StoreUnavailable     the store did not answer or is busy
│   │   └── StoreTimeout       … it gave these records up as too much work, and took none of them
│   ├── ChannelUnavailable   a person or a system could not be reached
│   └── NoAnswer             no model gave a usable answer in time; the rules' answer stands
├── Reject                 this input will never pass; the neighbours may
│   ├── BadRecord            one record does not fit its schema
│   ├── BadRequest           a whole request or file cannot be read
│   ├── TooLarge             over a stated size limit
│   ├── UnknownEncoding      a content encoding or charset we do not read
│   ├── UnknownFormat        no reader knows this log format
│   ├── NotFound             no such incident, approval, file …
│   └── NotPossible          asked at the wrong time, such as approving twice
└── Refuse                 not allowed, or set up wrongly; a person must change something
    ├── NotAllowed           authentication or policy says no
    │   └── NotEntitled          … to somebody who may ask, for what they ask
    ├── BadSetting           a setting is unknown or out of range
    ├── MissingExtra         an optional part is not installed
    └── HomeInUse            another process holds this home
"""

from __future__ import annotations


class BdpError(Exception):
    """Root of every error that BDP raises on purpose.

    Args:
        what: what happened and where, one sentence.
        next_step: what the reader can do about it, one sentence; may be empty.
    """

    code = "ERROR"

    def __init__(self, what: str, next_step: str = "") -> None:
        super().__init__(what)
        self.what = what
        self.next_step = next_step

    def __str__(self) -> str:
        return f"{self.what} {self.next_step}".strip()


class Retry(BdpError):
    """Try the same call again later."""

    code = "UNAVAILABLE"


class StreamUnavailable(Retry):
    """A sink cannot take records now."""


class DiskFull(StreamUnavailable):
    """A sink cannot take records because its disk is full."""


class StoreUnavailable(Retry):
    """The store did not answer or is busy."""


class StoreTimeout(StoreUnavailable):
    """The store itself gave these records up, over time or memory; it took none of them."""


class ChannelUnavailable(Retry):
    """A person or a system could not be reached."""


class NoAnswer(Retry):
    """No model gave a usable answer in time; whoever asked goes on with the rules' answer.

    Attributes:
        reason: one of a few words, for counting; see `bdp.model.spending.Reason`.
    """

    def __init__(self, what: str, next_step: str = "", *, reason: str) -> None:
        super().__init__(what, next_step)
        self.reason = reason


class Reject(BdpError):
    """This input will never pass; its neighbours may."""

    code = "VALIDATION_ERROR"


class BadRecord(Reject):
    """One record does not fit its schema."""


class BadRequest(Reject):
    """A whole request or file cannot be read."""


class TooLarge(Reject):
    """Over a stated size limit."""

    code = "TOO_LARGE"


class UnknownEncoding(Reject):
    """A content encoding or charset that BDP does not read."""

    code = "UNKNOWN_ENCODING"


class UnknownFormat(Reject):
    """No reader knows this log format."""

    code = "UNKNOWN_FORMAT"


class NotFound(Reject):
    """There is no such thing."""

    code = "NOT_FOUND"


class NotPossible(Reject):
    """Asked at the wrong time, such as approving twice."""

    code = "CONFLICT"


class Refuse(BdpError):
    """Not allowed, or set up wrongly; a person must change something."""

    code = "REFUSED"


class NotAllowed(Refuse):
    """Authentication or policy says no."""

    code = "NOT_ALLOWED"


class NotEntitled(NotAllowed):
    """Who asks is known and may ask, but may not do this."""


class BadSetting(Refuse):
    """A setting is unknown or out of range."""

    code = "BAD_SETTING"


class MissingExtra(Refuse):
    """An optional part is not installed."""

    code = "MISSING_EXTRA"


class HomeInUse(Refuse):
    """Another process holds this home."""

    code = "HOME_IN_USE"
