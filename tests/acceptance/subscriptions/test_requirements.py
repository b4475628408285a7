"""Every SHALL of the subscriptions backport 1.1 for servers has a test, and a line without which it fails.

Of what a server should or may do there is a row where a test shows that this one does it (U1).
"""

from pathlib import Path

import pytest

from tests.running.requirements import demanded, is_there, requirements, times_there, tried_without

GUIDE = "subscriptions_test_kit_requirements.csv", "hl7.fhir.uv.subscriptions_1.1.0"
TABLE = requirements(Path(__file__).with_name("requirements.tsv"))
SHALL = 70
DOES_NOT_APPLY_MAX = 1


def test_every_requirement_has_one_row():
    assert len(TABLE.numbers) == len(set(TABLE.numbers)) >= SHALL


@pytest.mark.corpus
def test_the_requirements_are_those_of_the_guide():
    shall, others = demanded(*GUIDE, ("SHALL", "SHALL NOT")), demanded(*GUIDE, ("SHOULD", "SHOULD NOT", "MAY"))
    assert len(shall) == SHALL
    assert set(TABLE.numbers) >= shall
    assert set(TABLE.numbers) - shall <= others


def test_few_requirements_do_not_apply_and_each_says_why():
    assert len(TABLE.reasons) <= DOES_NOT_APPLY_MAX
    assert all(TABLE.reasons)


@pytest.mark.parametrize("test", TABLE.tests)
def test_the_test_of_a_requirement_is_there(test):
    assert is_there(test)


@pytest.mark.parametrize("one", TABLE.breaks, ids=str)
def test_the_line_that_a_requirement_needs_is_there_once(one):
    assert times_there(one) == 1


@pytest.mark.parametrize("one", TABLE.sample, ids=str)
def test_without_its_line_a_requirement_is_not_proved(breakable, one):
    done = tried_without(breakable, one)
    assert done.returncode == 1, done.stdout.decode()[-2000:]
