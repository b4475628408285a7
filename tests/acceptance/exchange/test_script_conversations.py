"""What may follow what in SCRIPT, against a model that is a table of its own (N2)."""

from collections.abc import Iterator
from dataclasses import dataclass, field

import httpx
import psycopg
import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, precondition, rule, run_state_machine_as_test

from tests.acceptance.exchange.office import (
    ANSWERS,
    APPROVING,
    FILLED,
    LEGAL,
    OUTCOMES,
    PRESCRIBED,
    REFUSED,
    REQUESTS,
    TAKEN,
    Office,
    a_number,
    a_script,
    an_answer,
)
from tests.acceptance.exchange.test_script_gateway import orders, post, state, text, told
from tests.conftest import PROVE
from tests.running.galenic import Galenic


@dataclass
class Asked:
    kind: str
    order: str
    is_open: bool = True


@dataclass
class Model:
    """What the test thinks: orders with whether they are cancelled, requests, and what is not done yet."""

    orders: dict[str, bool] = field(default_factory=dict)
    asked: dict[str, Asked] = field(default_factory=dict)
    ends: dict[str, str] = field(default_factory=dict)
    """The state that messages come to, by their ids."""
    sent: dict[bytes, bytes] = field(default_factory=dict)
    """Bytes that were taken, and their answers."""


class Conversation(RuleBasedStateMachine):
    office: Office

    def __init__(self) -> None:
        super().__init__()
        self.model = Model()
        list(self.office.mailbox())
        self.prescribes()
        self.settles()
        (order,) = self.model.orders
        for kind in ("RxChangeRequest", "RxRenewalRequest", "CancelRx"):
            self.model.asked[self.office.ask(kind, order)] = Asked(kind, order)

    def _send(self, raw: bytes, expected: tuple[str, str], ends: str = "answered") -> None:
        number = text(raw, "Header/MessageID")
        answer = post(self.office.client, raw)
        assert told(answer) == expected, raw.decode()
        assert text(answer.content, "Header/RelatesToMessageID") == number
        if expected == TAKEN:
            self.model.ends[number] = ends
            self.model.sent[raw] = answer.content

    def _order(self, data: st.DataObject) -> str:
        return data.draw(st.sampled_from(list(self.model.orders)), label="order")

    def _asked(self, data: st.DataObject) -> str:
        return data.draw(st.sampled_from(list(self.model.asked)), label="request")

    @rule()
    def prescribes(self) -> None:
        number = a_number()
        self._send(a_script("NewRx", PRESCRIBED, number, order=number), TAKEN)
        self.model.orders[number] = False

    @rule(data=st.data())
    def prescribes_again_under_the_same_number(self, data: st.DataObject) -> None:
        self._send(a_script("NewRx", PRESCRIBED, a_number(), order=self._order(data)), TAKEN, "failed")

    @rule(data=st.data(), is_known=st.booleans())
    def cancels(self, data: st.DataObject, *, is_known: bool) -> None:
        order = self._order(data) if is_known else a_number()
        self._send(
            a_script("CancelRx", PRESCRIBED, a_number(), order=order), TAKEN, "answered" if is_known else "failed"
        )

    @rule()
    def cancels_nothing(self) -> None:
        self._send(a_script("CancelRx", PRESCRIBED, a_number()), REFUSED)

    @rule(data=st.data())
    def says_what_was_dispensed(self, data: st.DataObject) -> None:
        self._send(a_script("RxFill", FILLED, a_number(), order=self._order(data)), TAKEN)

    @rule(data=st.data(), kind=st.sampled_from(sorted(REQUESTS)))
    def is_asked(self, data: st.DataObject, kind: str) -> None:
        order = self._order(data)
        self.settles()
        self.model.asked[self.office.ask(kind, order)] = Asked(kind, order)

    @precondition(lambda self: self.model.asked)
    @rule(data=st.data(), kind=st.sampled_from(ANSWERS), outcome=st.sampled_from(OUTCOMES), is_fitting=st.booleans())
    def answers(self, data: st.DataObject, kind: str, outcome: str, *, is_fitting: bool) -> None:
        relates = self._asked(data)
        asked = self.model.asked[relates]
        if is_fitting:
            kind = next(answer for request, answer in LEGAL if request == asked.kind)
            outcome = data.draw(st.sampled_from(LEGAL[asked.kind, kind]), label="outcome")
        if not asked.is_open or outcome not in LEGAL.get((asked.kind, kind), ()):
            self._send(an_answer(kind, outcome, relates), REFUSED)
            return
        is_late = outcome in APPROVING and self.model.orders[asked.order]
        self._send(an_answer(kind, outcome, relates), TAKEN, "failed" if is_late else "answered")
        if is_late:
            self.settles()
        else:
            asked.is_open = outcome == "Pending"

    @precondition(lambda self: self.model.asked)
    @rule(data=st.data())
    def answers_twice_at_once(self, data: st.DataObject) -> None:
        relates = self._asked(data)
        asked = self.model.asked[relates]
        kind = next(answer for request, answer in LEGAL if request == asked.kind)
        raws = [an_answer(kind, "Denied", relates) for _ in range(4)]
        answers = self.office.at_once(raws)
        taken = [answer for answer in answers if text(answer, "Body/Status/Code") == "000"]
        assert len(taken) == asked.is_open
        assert all(text(one, "Body/Error/Code") == "900" for one in answers if one not in taken)
        self.model.ends |= {text(one, "Header/RelatesToMessageID"): "answered" for one in taken}
        asked.is_open = False

    @rule(kind=st.sampled_from((*ANSWERS, "Status", "Error", "Verify")))
    def answers_nothing(self, kind: str) -> None:
        self._send(an_answer(kind, "Denied", a_number()), REFUSED)

    @precondition(lambda self: self.model.asked)
    @rule(data=st.data(), kind=st.sampled_from(("Status", "Error", "Verify")))
    def confirms(self, data: st.DataObject, kind: str) -> None:
        self._send(an_answer(kind, "", self._asked(data)), TAKEN)

    @rule(data=st.data())
    def has_an_order_cancelled(self, data: st.DataObject) -> None:
        order = self._order(data)
        self.settles()
        self.office.cancelled(order)
        self.model.orders[order] = True

    @rule(data=st.data(), times=st.sampled_from((1, 8)))
    def repeats(self, data: st.DataObject, times: int) -> None:
        raw = data.draw(st.sampled_from(list(self.model.sent)), label="message")
        assert set(self.office.at_once([raw] * times)) == {self.model.sent[raw]}
        self._send(raw.replace(b"12:00:00Z", b"12:00:01Z"), REFUSED)

    @rule()
    def settles(self) -> None:
        """All that was taken comes to what the model says, and what failed is told by the mailbox, once."""
        for number, end in self.model.ends.items():
            assert state(self.office.galenic, number) == end, number
        failed = sorted(number for number, end in self.model.ends.items() if end == "failed")
        told_of = [raw for raw in self.office.mailbox() if text(raw, "Body/Error/Code")]
        assert sorted(text(raw, "Header/RelatesToMessageID") for raw in told_of) == failed
        self.model.ends.clear()

    def teardown(self) -> None:
        self.settles()


def test_every_legal_sequence_is_taken_and_every_other_is_an_error(office: Office) -> None:
    machine = type("Machine", (Conversation,), {"office": office})
    run_state_machine_as_test(
        machine,
        settings=settings(
            max_examples=40 if PROVE else 3,
            stateful_step_count=30 if PROVE else 14,
            deadline=None,
            derandomize=not PROVE,
            suppress_health_check=list(HealthCheck),
        ),
    )


def test_of_two_final_answers_at_once_one_is_taken(office: Office) -> None:
    order = office.prescribe()
    for _ in range(5):
        asked = office.ask("RxChangeRequest", order)
        raws = [an_answer("RxChangeResponse", outcome, asked) for outcome in ("Denied", "Approved") * 4]
        answers = office.at_once(raws)
        assert sorted(text(one, "Body/Status/Code") or text(one, "Body/Error/Code") for one in answers) == (
            ["000"] + ["900"] * 7
        )


def test_a_pending_answer_is_followed_by_the_final_one(office: Office) -> None:
    asked = office.ask("RxRenewalRequest", office.prescribe())
    outcomes = ("Pending", "Pending", "Denied", "Pending", "Approved")
    numbers = [a_number() for _ in outcomes]
    answers = [
        office.send(an_answer("RxRenewalResponse", outcome, asked, number), number)
        for outcome, number in zip(outcomes, numbers, strict=True)
    ]
    assert answers == [TAKEN, TAKEN, TAKEN, REFUSED, REFUSED]


@pytest.mark.parametrize(("code", "outcome", "expected"), [("U", "Validated", TAKEN), ("U", "Approved", REFUSED)])
def test_a_prescribers_authorisation_is_validated_and_not_approved(
    office: Office, code: str, outcome: str, expected: tuple[str, str]
) -> None:
    asked, number = office.ask("RxChangeRequest", office.prescribe(), code), a_number()
    assert office.send(an_answer("RxChangeResponse", outcome, asked, number), number) == expected


def test_what_was_sent_to_another_partner_is_not_answered(office: Office, clinic: httpx.Client) -> None:
    asked, number = office.ask("RxChangeRequest", office.prescribe()), a_number()
    raw = an_answer("RxChangeResponse", "Denied", asked, number).replace(b"practice", b"clinic")
    assert told(post(clinic, raw)) == REFUSED


def test_another_prescription_of_the_same_number_leaves_the_first_as_it_is(office: Office) -> None:
    order, again = office.prescribe(), a_number()
    stronger = PRESCRIBED.replace("500 MG", "900 MG")
    assert office.send(a_script("NewRx", stronger, again, order=order), again) == TAKEN
    assert state(office.galenic, again) == "failed"
    (kept,) = orders(office.galenic, order)
    assert kept["meta"]["versionId"] == "1"
    (error,) = office.mailbox()
    assert text(error, "Header/RelatesToMessageID") == again


HOLD = """
UPDATE job SET state = 'running', fence = fence + 1, lease_until = clock_timestamp() + interval '3 seconds',
               key = key || %s
WHERE state = 'waiting' AND key = (SELECT 'message/' || id FROM message WHERE control_id = %s)
"""


@pytest.fixture
def another_worker(galenic: Galenic) -> Iterator[None]:
    worker = galenic.start_worker()
    yield
    worker.terminate()
    worker.wait()


@pytest.mark.usefixtures("another_worker")
@pytest.mark.parametrize("time", ["", "/2"], ids=["for the first time", "replayed"])
def test_a_cancellation_waits_for_the_order_that_another_worker_is_still_at(office: Office, time: str) -> None:
    with psycopg.connect(office.galenic.environment["GALENIC_DATABASE_URL"], autocommit=True) as connection:
        held = False
        while not held:  # as a worker that comes before the others, and stops
            order, cancel = a_number(), a_number()
            post(office.client, a_script("NewRx", PRESCRIBED, order, order=order))
            held = connection.execute(HOLD, (time, order)).rowcount == 1
    post(office.client, a_script("CancelRx", PRESCRIBED, cancel, order=order))
    assert (state(office.galenic, order), state(office.galenic, cancel)) == ("answered", "answered")


def test_other_messages_under_one_id_at_once_are_one_message_and_errors(office: Office) -> None:
    number = a_number()
    answers = office.at_once([a_script("NewRx", PRESCRIBED, number, order=a_number()) for _ in range(8)])
    assert sorted(text(one, "Body/Status/Code") or text(one, "Body/Error/Code") for one in answers) == (
        ["000"] + ["900"] * 7
    )
