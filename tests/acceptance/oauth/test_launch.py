"""SMART App Launch, standalone: from a request to tokens (A3, A4)."""

import pytest

from tests.running.oauth import App, a_person, access_token, backend_token, register


def test_an_app_gets_a_token_for_the_patient_whom_a_person_chose(galenic):
    token = App(galenic, register(galenic).id).tokens(
        "patient/*.rs openid fhirUser", a_person(galenic, "prescriber"), "1"
    )
    assert token["scope"] == "patient/*.rs openid fhirUser"
    assert (token["token_type"], token["patient"]) == ("Bearer", "1")


def test_helpers(galenic):
    assert access_token(galenic, patient="1")
    assert backend_token(galenic)
