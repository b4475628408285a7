"""Every error has a face, and none shows more than it should."""

import inspect

from fhir_server import errors
from fhir_server.model.definitions import load_definitions
from fhir_server.outcome import RESPONSES, outcome_resource, status_and_issues
from fhir_server.validation.validator import Validator

STARTUP_ONLY = {errors.WrongIndexKey, errors.GalenicError}
"""Raised before anything is served, or only the family's name."""


def test_every_error_has_a_status() -> None:
    kinds = {kind for _, kind in inspect.getmembers(errors, inspect.isclass) if issubclass(kind, errors.GalenicError)}
    assert kinds - STARTUP_ONLY == set(RESPONSES)


def test_an_error_that_is_not_ours_says_nothing_of_itself() -> None:
    status, issues = status_and_issues(ValueError("SELECT * FROM patient WHERE name = 'Chalmers'"))
    assert status == 500
    assert "Chalmers" not in str(issues)


def test_an_outcome_is_valid_r4() -> None:
    for kind in RESPONSES:
        _, issues = status_and_issues(kind("a sentence"))  # type: ignore[arg-type]
        assert Validator(load_definitions()).validate(outcome_resource(issues)) == []
