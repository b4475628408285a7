"""Languages, and scopes in plain words."""

import string

import pytest

from fhir_server.auth.compartments import PATIENT_FREE
from fhir_server.auth.roles import ALLOWANCES
from fhir_server.identity.granting import WORDS
from fhir_server.identity.issuer import Lifetimes
from fhir_server.identity.people import PEOPLE_ROLES
from fhir_server.model.resource_types import NUMBERS
from fhir_server.web.scope_words import Describer
from fhir_server.web.speech import Speech, language_of
from fhir_server.web.texts import CRITERIA, LANGUAGES, MONTHS, NAMES, TEXTS, TYPES


def describer(language="en"):
    return Describer(Speech(language), Lifetimes(), "Practitioner/1")


def fields(text):
    return {name for _, name, _, _ in string.Formatter().parse(text) if name}


def test_the_languages_have_the_same_texts_with_the_same_gaps():
    assert TEXTS["es"].keys() == TEXTS["en"].keys()
    assert {key: fields(text) for key, text in TEXTS["es"].items()} == {k: fields(t) for k, t in TEXTS["en"].items()}
    assert TYPES["es"].keys() == TYPES["en"].keys()
    assert CRITERIA["es"].keys() == CRITERIA["en"].keys()
    assert all(len(MONTHS[language]) == 12 and NAMES[language] for language in LANGUAGES)


def test_no_text_is_left_in_the_other_language():
    same = {key for key, text in TEXTS["es"].items() if text == TEXTS["en"][key]}
    assert same <= {"error_title", "scope_label", "auditor"}


def test_the_types_that_are_described_exist_and_those_of_the_roles_are_described():
    assert TYPES["en"].keys() <= NUMBERS.keys()
    named = {name for rows in ALLOWANCES.values() for row in rows for name in row.types} - {"*"}
    assert named - PATIENT_FREE <= TYPES["en"].keys()


def test_every_role_of_a_person_has_its_word():
    assert set(PEOPLE_ROLES) <= TEXTS["en"].keys()


@pytest.mark.parametrize(
    ("asked", "remembered", "accepted", "language"),
    [
        ("", "", "", "en"),
        ("es", "en", "en", "es"),
        ("", "es", "en", "es"),
        ("fr", "", "es", "es"),
        ("", "", "es-MX,es;q=0.9,en;q=0.8", "es"),
        ("", "", "en;q=0.4, es;q=0.5", "es"),
        ("", "", "fr, de;q=0.9, es;q=0.1", "es"),
        ("", "", "fr, *;q=0.5, es;q=0.1", "en"),
        ("", "", "es;q=0", "en"),
        ("", "", "x" * 9000 + ",es", "es"),
        ("", "", "en;q=2,;;,es;q=x", "en"),
    ],
)
def test_the_language_is_the_one_asked_for_or_the_browsers(asked, remembered, accepted, language):
    assert language_of(asked, remembered, accepted) == language


@pytest.mark.parametrize(
    ("value", "english", "spanish"),
    [
        ("1958-03-14", "14 March 1958", "14 de marzo de 1958"),
        ("1958-03", "March 1958", "marzo de 1958"),
        ("1958", "1958", "1958"),
        ("1958-13-01", "1958", "1958"),
        ("", "", ""),
        ("<b>", "<b>", "<b>"),
    ],
)
def test_dates_are_said_as_people_say_them(value, english, spanish):
    assert Speech("en").date(value) == english
    assert Speech("es").date(value) == spanish


@pytest.mark.parametrize(
    ("scope", "english", "spanish"),
    [
        ("patient/MedicationRequest.rs", "See prescriptions", "Ver recetas"),
        ("patient/MedicationRequest.read", "See prescriptions", "Ver recetas"),
        ("patient/MedicationRequest.cu", "Add and change prescriptions", "Añadir y cambiar recetas"),
        ("user/Task.cruds", "See, add, change and delete tasks, for example refills asked for",
         "Ver, añadir, cambiar y borrar tareas, por ejemplo reposiciones pedidas"),
        ("patient/*.rs", "See everything", "Ver todo"),
        ("patient/Basic.r", "See entries of the kind “Basic”", "Ver entradas del tipo «Basic»"),
    ],
)  # fmt: skip
def test_a_scope_is_a_sentence(scope, english, spanish):
    assert describer().offer(scope).label == english
    assert describer("es").offer(scope).label == spanish


def test_criteria_are_words_where_they_are_known_and_else_as_they_were_asked():
    describe = describer()
    vitals = "http://terminology.hl7.org/CodeSystem/observation-category|vital-signs"
    assert describe.offer("patient/MedicationRequest.rs?status=active").detail == "Only those that are active"
    assert describe.offer(f"patient/Observation.rs?category={vitals}").detail == "Only vital signs"
    assert describe.offer("patient/Observation.rs?code=8480-6").detail == "Only where code is 8480-6"


def test_seeing_changes_nothing_and_the_rest_does():
    describe = describer()
    assert not describe.offer("patient/Task.rs").changes
    assert all(describe.offer(f"patient/Task.{letter}").changes for letter in "cud")


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("word", WORDS)
def test_scopes_that_are_not_about_resources_are_described_too(language, word):
    offer = describer(language).offer(word)
    assert offer.label != word
    assert offer.is_required is word.startswith("launch")


def test_how_long_access_lasts_is_what_the_server_does():
    assert describer().offer("offline_access").detail == "Until it is withdrawn, or not used for 90 days"
    assert describer().offer("online_access").detail == "For 24 hours at most"


def test_offers_are_grouped_and_keep_their_order():
    scopes = ("openid", "patient/Task.rs", "launch/patient", "user/Task.rs", "offline_access", "patient/*.rs")
    assert [offer.scope for offer in describer().offers(scopes)] == [
        "patient/Task.rs", "patient/*.rs", "user/Task.rs", "openid", "offline_access", "launch/patient",
    ]  # fmt: skip
