"""The two ways an operation fails, and the sentence that says which operation it was."""

from collections.abc import Iterator
from contextlib import contextmanager

from fhir_server.errors import Invalid, Issue, Unprocessable
from fhir_server.model.fhirpath.syntax import FhirPathError


class WrongError(Exception):
    """The operation is wrong, whatever the resource."""


class PlaceError(Exception):
    """The operation does not fit this resource: nothing at its place, or a test that fails."""


@contextmanager
def reported(operation: str, expression: str) -> Iterator[None]:
    """Names the operation in what goes wrong inside; `expression` is its place in the patch."""
    try:
        yield
    except PlaceError as error:
        message = f"{operation}: {error}"
        raise Unprocessable(message, [Issue("processing", message, expression)]) from None
    except (WrongError, FhirPathError) as error:
        message = f"{operation}: {error}"
        raise Invalid(message, [Issue("invalid", message, expression)]) from None
