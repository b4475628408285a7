"""Logs without patients' data: JSON lines in production, words in development.

A line has named fields alone, whose values look like what they are called; the words are those of the code. What other
libraries say keeps its words and loses its values. https://www.structlog.org/en/stable/standard-library.html
"""

import logging
import re
import sys
import traceback
from collections.abc import Callable, Mapping, MutableMapping
from types import TracebackType
from typing import Any, Final

import structlog
from structlog.typing import Processor

from fhir_server.model.resource_types import NUMBERS

Fields = MutableMapping[str, Any]

OURS: Final = ("fhir_server", "integrations", "subscriptions", "galenic", "__main__")
"""Loggers whose words are our own: they name ids, kinds of errors and places, and no values."""

WORDS_CHARACTERS_MAX: Final = 500
FRAMES: Final = 6
"""Innermost places of an error that are told (frames)."""

_NAME: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_.\-]{0,79}")
_CODE: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.:\-]{0,127}")
_VALUE: Final = re.compile(r"\S*[0-9%'\"=/@:<>{}\[\]\\]\S*")


def _is_code(value: Any) -> bool:
    return isinstance(value, str) and _CODE.fullmatch(value) is not None


def _is_name(value: Any) -> bool:
    return isinstance(value, str) and _NAME.fullmatch(value) is not None


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _is_place(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(line, str) for line in value)


def _is_words(value: Any) -> bool:
    return isinstance(value, str)


ALLOWED: Final[Mapping[str, Callable[[Any], bool]]] = {
    "event": _is_words,
    "level": _is_name,
    "logger": _is_name,
    "timestamp": _is_code,
    "process": _is_name,
    "request_id": _is_code,
    "interaction": _is_name,
    "status": _is_number,
    "latency_ms": _is_number,
    "type_name": lambda value: value in NUMBERS,
    "client": _is_code,
    "error": _is_name,
    "place": _is_place,
}
"""What a line may have, and what each looks like; everything else is left out."""


def only_allowed(_: Any, __: str, fields: Fields) -> Fields:
    """Drops what no line has, and values that do not look like what they are called."""
    return {name: value for name, value in fields.items() if name in ALLOWED and ALLOWED[name](value)}


def without_values(_: Any, __: str, fields: Fields) -> Fields:
    """What others say, without the values they put into it; an error by its kind and place."""
    record: logging.LogRecord | None = fields.get("_record")
    if record is None:
        return fields
    if not record.name.startswith(OURS):
        fields["event"] = _VALUE.sub("…", str(record.msg).split("\n", 1)[0])
    fields["event"] = str(fields["event"])[:WORDS_CHARACTERS_MAX]
    return fields


def error_by_kind(_: Any, __: str, fields: Fields) -> Fields:
    """An exception's message may repeat what a client sent: its kind and place have to do."""
    error = fields.pop("exc_info", None)
    error = sys.exc_info() if error is True else error
    if isinstance(error, BaseException):
        error = (type(error), error, error.__traceback__)
    if error and error[0] is not None:
        fields["error"] = error[0].__name__
        fields["place"] = places(error[2])
    return fields


def places(trace: TracebackType | None) -> list[str]:
    """Files, lines and functions; no source, no variables."""
    frames = traceback.extract_tb(trace)[-FRAMES:]
    return [f"{frame.filename.rpartition('site-packages/')[2]}:{frame.lineno} {frame.name}" for frame in frames]


def configure(level: str, *, production: bool, process: str) -> None:
    """Makes every logger of this process write to stderr; `process` is its name in the lines."""
    structlog.reset_defaults()

    def named(_: Any, __: str, fields: Fields) -> Fields:
        fields["process"] = process
        return fields

    shared: list[Processor] = [
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        named,
        error_by_kind,
    ]
    structlog.configure(
        processors=[*shared, only_allowed, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        wrapper_class=structlog.stdlib.BoundLogger,
        logger_factory=structlog.stdlib.LoggerFactory(),
        cache_logger_on_first_use=True,
    )
    formatter = structlog.stdlib.ProcessorFormatter(
        foreign_pre_chain=[*shared, without_values],
        processors=[only_allowed, _renderer(production=production)],
        keep_exc_info=False,
        keep_stack_info=False,
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(formatter)
    logging.basicConfig(level=level.upper(), handlers=[handler], force=True)
    sys.excepthook = _unexpected


def _renderer(*, production: bool) -> Any:
    if production:
        return structlog.processors.JSONRenderer()
    return structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty())


def _unexpected(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
    """What ends the process is told like every other error."""
    if issubclass(kind, KeyboardInterrupt):
        return
    logging.getLogger("galenic").critical("the process ends", exc_info=(kind, error, trace))


def glass_broken(**fields: Any) -> None:
    """The line to set an alert on, as it is written: request_id, under which the audit trail says more, and client."""
    structlog.stdlib.get_logger("galenic.alert").warning("the glass is broken", interaction="break-glass", **fields)


def request_answered(**fields: Any) -> None:
    """One line for a request: request_id, interaction, status, latency_ms, type_name, client."""
    structlog.stdlib.get_logger("galenic.request").info("answered", **fields)
