"""What an app asked for, waiting for a person's decision; the decision, and the way back to the app.

`/auth/authorize` keeps a request and sends the browser to log in; the pages find it by its id and decide it, once.
https://hl7.org/fhir/smart-app-launch/STU2.2/app-launch.html#obtain-authorization-code
"""

from dataclasses import dataclass
from typing import Any, Final
from uuid import uuid4

from authlib.common.urls import add_params_to_uri

from fhir_server.audit import statements as audit
from fhir_server.audit.record import Record
from fhir_server.auth.access import BREAK_GLASS, TREATMENT
from fhir_server.auth.context import Context
from fhir_server.auth.roles import OWN_PATIENTS_ONLY, Role
from fhir_server.errors import NotFound
from fhir_server.identity import families
from fhir_server.identity.granting import LAUNCH_ENCOUNTER, for_role, needs_patient, within, words
from fhir_server.identity.issuer import Issuer, Lifetimes
from fhir_server.identity.opaque import digest, fresh
from fhir_server.identity.people import Person
from fhir_server.identity.trail import NOBODY
from fhir_server.identity.transactions import Transaction, Transactions
from fhir_server.logs import glass_broken

CONSENT: Final = "consent"
EMERGENCY: Final = "break-glass"
"""The interactions of its audit records."""

PENDING: Final = """
SELECT r.*, c.name, c.uri, c.logo_uri FROM authorization_request r JOIN client c ON c.id = r.client_id
WHERE r.hash = %(hash)s AND r.decided IS NULL AND r.expires > clock_timestamp() AND c.disabled IS NULL
"""
DECIDE: Final = """
UPDATE authorization_request SET decided = clock_timestamp()
WHERE hash = %(hash)s AND decided IS NULL AND expires > clock_timestamp() RETURNING *
"""
ADD_CODE: Final = """
INSERT INTO authorization_code (hash, family, client_id, redirect_uri, code_challenge, expires)
VALUES (%(hash)s, %(family)s, %(client_id)s, %(redirect_uri)s, %(code_challenge)s,
        clock_timestamp() + make_interval(secs => %(seconds)s))
"""


@dataclass(frozen=True, slots=True)
class PendingRequest:
    """`scopes` are those of the asked ones that the client may have, as it wrote them, in its order.

    `launch_patient` is the id of the patient an EHR launched for; `prompt` is OpenID Connect's, "" where there is none.
    `max_age` is how old the person's login may be (seconds). `redirect_uri` is where the browser goes back to, which
    the policy of the pages has to name.
    """

    id: str
    client_id: str
    client_name: str
    client_uri: str | None
    logo_uri: str | None
    scopes: tuple[str, ...]
    needs_patient: bool
    needs_encounter: bool
    launch_patient: str | None
    login_hint: str | None
    prompt: str
    max_age: int | None = None
    redirect_uri: str = ""


@dataclass(frozen=True, slots=True)
class Decision:
    """Of a person who has logged in: what of the asked scopes they grant, and for which patient and encounter (ids).

    `actor` is the person's FHIR reference; `patients` are ids of those the person is, or cares for. `purpose` is a
    code of PurposeOfUse, `reason` what a person wrote who broke the glass. `address` is where the browser is.
    """

    person_id: str
    actor: str
    role: Role
    patients: tuple[str, ...]
    patient: str | None
    encounter: str | None
    scopes: tuple[str, ...]
    session_id: str
    purpose: str = TREATMENT
    reason: str = ""
    address: str = ""


class Authorizations:
    """Synchronous: call it in a thread."""

    def __init__(self, transactions: Transactions, issuer: Issuer, lifetimes: Lifetimes) -> None:
        self._transactions = transactions
        self._issuer = issuer
        self._lifetimes = lifetimes

    def pending(self, request_id: str) -> PendingRequest | None:
        """None where there is no such request, or it was decided, or 10 minutes are over."""
        with self._transactions.begin() as transaction:
            row = transaction.execute(PENDING, {"hash": digest(request_id)}).fetchone()
        return _pending(request_id, row) if row else None

    def approve(self, request_id: str, decision: Decision) -> str:
        """The URL to send the browser to: with a code, or with an error where the decision does not fit the request.

        Raises `NotFound` where the request is over. What the role cannot have is cut, whatever the person granted.
        """
        with self._transactions.begin() as transaction:
            row = _decide(transaction, request_id)
            context = _context(row, decision)
            scopes = for_role(within(decision.scopes, words(row["scopes"])), decision.role)
            if problem := _problem(row, decision, scopes, context.get("patient")):
                return self._refused(transaction, row, "access_denied", problem, _as_actor(row, decision))
            code = self._grant(transaction, row, decision, scopes, context)
            patients = (context["patient"],) if "patient" in context else ()
            who, what = _as_actor(row, decision), EMERGENCY if decision.purpose == BREAK_GLASS else CONSENT
            if what == EMERGENCY:  # before it is committed: one alert too many is better than none
                glass_broken(request_id=who.request_id, client=who.client)
            _record(transaction, Record(who, what, 200, patients=patients, detail=" ".join(scopes)))
            return self._redirect(row, {"code": code})

    def deny(
        self, request_id: str, error: str, description: str, address: str = "", person: Person | None = None
    ) -> str:
        """The URL to send the browser to, with `error` (`access_denied`, `login_required`); the request is over.

        `person` is who declined, where that is known.
        """
        with self._transactions.begin() as transaction:
            row = _decide(transaction, request_id)
            actor, role = (person.fhir_user, person.role) if person else (NOBODY, "")
            who = Context(actor, row["client_id"], TREATMENT, str(uuid4()), role=role, address=address)
            return self._refused(transaction, row, error, description, who)

    def _grant(
        self,
        transaction: Transaction,
        row: dict[str, Any],
        decision: Decision,
        scopes: tuple[str, ...],
        context: dict[str, Any],
    ) -> str:
        code = fresh()
        family = families.add(
            transaction,
            families.NewFamily(
                client_id=row["client_id"],
                person_id=decision.person_id,
                actor=decision.actor,
                role=decision.role,
                scopes=scopes,
                patients=decision.patients,
                context=context,
                session_id=decision.session_id,
                purpose=decision.purpose,
                reason=decision.reason,
                nonce=row["nonce"],
            ),
        )
        asked = {name: row[name] for name in ("client_id", "redirect_uri", "code_challenge")}
        transaction.execute(ADD_CODE, asked | {"hash": digest(code), "family": family, "seconds": self._lifetimes.code})
        return code

    def _refused(
        self, transaction: Transaction, row: dict[str, Any], error: str, description: str, who: Context
    ) -> str:
        _record(transaction, Record(who, CONSENT, 403, detail=f"{error}: {description}"))
        return self._redirect(row, {"error": error, "error_description": description})

    def _redirect(self, row: dict[str, Any], parameters: dict[str, str]) -> str:
        state = {"state": row["state"]} if row["state"] else {}
        url: str = add_params_to_uri(row["redirect_uri"], parameters | state | {"iss": self._issuer.base_url})
        return url


def _decide(transaction: Transaction, request_id: str) -> dict[str, Any]:
    row = transaction.execute(DECIDE, {"hash": digest(request_id)}).fetchone()
    if row is None:
        raise NotFound("This request is over. Start again in the app.")
    return row


def _pending(request_id: str, row: dict[str, Any]) -> PendingRequest:
    scopes, context = words(row["scopes"]), row["context"]
    return PendingRequest(
        id=request_id,
        client_id=row["client_id"],
        client_name=row["name"],
        client_uri=row["uri"],
        logo_uri=row["logo_uri"],
        scopes=scopes,
        needs_patient=needs_patient(scopes) and "patient" not in context,
        needs_encounter=LAUNCH_ENCOUNTER in scopes and "encounter" not in context,
        launch_patient=context.get("patient"),
        login_hint=row["login_hint"],
        prompt=row["prompt"],
        max_age=row["max_age"],
        redirect_uri=row["redirect_uri"],
    )


def _context(row: dict[str, Any], decision: Decision) -> dict[str, Any]:
    """What the EHR launched with, else what the person chose; the app is told with the token."""
    context: dict[str, Any] = dict(row["context"])
    if "patient" not in context and decision.patient and needs_patient(decision.scopes):
        context |= {"patient": decision.patient, "need_patient_banner": True}
    if "encounter" not in context and decision.encounter and LAUNCH_ENCOUNTER in decision.scopes:
        context["encounter"] = decision.encounter
    return context


def _problem(row: dict[str, Any], decision: Decision, scopes: tuple[str, ...], patient: str | None) -> str:
    """Why a decision cannot be carried out; "" where it can."""
    if row["launch_actor"] not in (None, decision.actor):
        return "The launch is for another user."
    if not scopes:
        return "None of what the app asks for is granted."
    if needs_patient(scopes) and patient is None:
        return "The app needs a patient, and none was chosen."
    if patient is not None and decision.role in OWN_PATIENTS_ONLY and patient not in decision.patients:
        return "The patient is not one of this user's."
    if decision.purpose == BREAK_GLASS and not decision.reason:
        return "Breaking the glass needs a reason."
    return ""


def _as_actor(row: dict[str, Any], decision: Decision) -> Context:
    return Context(
        decision.actor,
        row["client_id"],
        decision.purpose,
        str(uuid4()),
        role=decision.role,
        reason=decision.reason,
        address=decision.address,
    )


def _record(transaction: Transaction, record: Record) -> None:
    transaction.execute(audit.INSERT, audit.parameters(record))
