"""What every part of this package raises."""


class Unreachable(Exception):
    """There was no answer we take; the message has no part of what was answered, asked or sent."""


class Refused(Unreachable):
    """It is not asked: nothing was resolved, and asking again will not help."""
