"""Liveness and readiness, beside the FHIR base."""

import httpx


def test_a_live_process_says_so(galenic):
    response = httpx.get(f"{galenic.root_url}/health/live")
    assert (response.status_code, response.json()) == (200, {"status": "live"})


def test_a_ready_process_names_its_parts(galenic):
    response = httpx.get(f"{galenic.root_url}/health/ready")
    assert (response.status_code, response.json()["status"], response.json()["database"]) == (200, "ready", "up")


def test_health_is_not_part_of_the_fhir_api(client):
    assert client.get("/health/ready").status_code == 404


def test_health_says_nothing_of_settings_or_addresses(galenic):
    text = httpx.get(f"{galenic.root_url}/health/ready").text
    assert "postgres" not in text
    assert "127.0.0.1" not in text
