"""The endpoints of the authorization server: each request in one transaction, with its record in the audit trail.

What is refused commits too: that a jti was used, that a family was revoked, that somebody tried.
"""

import asyncio
from collections.abc import Callable
from typing import Any, Final, NamedTuple, Protocol

from authlib.common.urls import add_params_to_uri
from authlib.oauth2.rfc6749 import InvalidClientError, InvalidRequestError, OAuth2Error
from psycopg.types.json import Jsonb

from fhir_server.audit import statements as audit
from fhir_server.audit.record import Record
from fhir_server.errors import GalenicError
from fhir_server.identity import clients, launches, signing_keys, sweeping
from fhir_server.identity.client_keys import ClientKeys
from fhir_server.identity.clients import Client
from fhir_server.identity.families import Family
from fhir_server.identity.launches import Launch
from fhir_server.identity.oauth.assertion import unverified
from fhir_server.identity.oauth.authentication import CONFIDENTIAL
from fhir_server.identity.oauth.exchange import ANONYMOUS, Answer, Exchange, OAuthRequest, RegistrationRequest, plain
from fhir_server.identity.oauth.proof_key import ProofKeyRefused
from fhir_server.identity.oauth.registration import REGISTRATION
from fhir_server.identity.oauth.server import Deployment, Server
from fhir_server.identity.oauth.token_endpoints import INTROSPECTION, REVOCATION
from fhir_server.identity.opaque import digest, fresh
from fhir_server.identity.transactions import Transactions

OK: Final = 200
REFUSED: Final = 400
UNAUTHORIZED: Final = 401
SEE_OTHER: Final = 303

REGISTER: Final = "access-control"
"""The interaction of a registration in the audit trail."""

CHARACTERS_MAX: Final = 16_384
"""Longest values of an authorization request together (characters): it is kept, whoever sends it."""

ADD_REQUEST: Final = """
INSERT INTO authorization_request (hash, client_id, redirect_uri, scopes, state, code_challenge, nonce, login_hint,
                                   prompt, max_age, launch_actor, context, expires)
VALUES (%(hash)s, %(client_id)s, %(redirect_uri)s, %(scopes)s, %(state)s, %(code_challenge)s, %(nonce)s,
        %(login_hint)s, %(prompt)s, %(max_age)s, %(launch_actor)s, %(context)s,
        clock_timestamp() + make_interval(secs => %(seconds)s))
"""

Keys = dict[str, Any] | None


class Refusing(Protocol):
    async def refuse(self, record: Record) -> None:
        """Records a refusal, or counts it."""


class Done(NamedTuple):
    """An answer, and what is still to be recorded of it."""

    answer: Answer
    refusal: Record | None


Work = Callable[[Server, OAuthRequest], Answer]


class Endpoints:
    """One process's; each method answers one request, and raises `Unavailable` without a database."""

    def __init__(
        self, deployment: Deployment, transactions: Transactions, client_keys: ClientKeys, refusals: Refusing
    ) -> None:
        self._deployment = deployment
        self._transactions = transactions
        self._client_keys = client_keys
        self._refusals = refusals

    async def authorize(self, exchange: Exchange) -> Answer:
        """303 to the login page, 302 back to the app with an error, or 400 for the person to read."""
        return await self._recorded(self._authorize, exchange)

    async def token(self, exchange: Exchange) -> Answer:
        return await self._answer(exchange, "token", lambda server, request: server.create_token_response(request))

    async def introspect(self, exchange: Exchange) -> Answer:
        return await self._answer(
            exchange, "introspect", lambda server, request: server.create_endpoint_response(INTROSPECTION, request)
        )

    async def revoke(self, exchange: Exchange) -> Answer:
        return await self._answer(
            exchange, "revoke", lambda server, request: server.create_endpoint_response(REVOCATION, request)
        )

    async def launch(self, exchange: Exchange) -> Answer:
        """200 with a launch id, for an EHR that authenticates as a client and may launch apps."""
        return await self._answer(exchange, "authorize", _launch)

    async def register(self, exchange: Exchange) -> Answer:
        """201 with what was registered; 400 where it cannot be."""
        return await self._recorded(self._register, exchange)

    def _register(self, exchange: Exchange) -> Done:
        with self._transactions.begin() as transaction:
            server, request = Server(self._deployment, transaction), RegistrationRequest(exchange)
            answer: Answer = server.create_endpoint_response(REGISTRATION, request)
            client = str(answer.body.get("client_id", ANONYMOUS)) if isinstance(answer.body, dict) else ANONYMOUS
            what = Record(exchange.context(client), REGISTER, answer.status, detail=_detail(answer))
            return _done(server, answer, what)

    async def jwks(self) -> dict[str, Any]:
        """The public keys of id_tokens."""
        return await asyncio.to_thread(self._jwks)

    def _jwks(self) -> dict[str, Any]:
        with self._transactions.begin() as transaction:
            self._deployment.signing_keys.active(transaction)
            return signing_keys.announced(transaction)

    async def _answer(self, exchange: Exchange, interaction: str, work: Work) -> Answer:
        keys = await self._keys(exchange)
        return await self._recorded(self._within, exchange, keys, interaction, work)

    async def _recorded(self, work: Callable[..., Done], *values: Any) -> Answer:
        """The answer, when what happened is on record; refusals that changed nothing are counted past a rate."""
        done = await asyncio.to_thread(work, *values)
        if done.refusal is not None:
            await self._refusals.refuse(done.refusal)
        return done.answer

    def _within(self, exchange: Exchange, keys: Keys, interaction: str, work: Work) -> Done:
        with self._transactions.begin() as transaction:
            server, request = Server(self._deployment, transaction, keys), OAuthRequest(exchange)
            answer = _refusing_repeats(server, request, work)
            return _done(server, answer, _what(request, answer, interaction))

    async def _keys(self, exchange: Exchange) -> Keys:
        """The JWKS of the client an assertion claims to be of; nothing is believed yet, and no transaction waits."""
        assertion = exchange.get("client_assertion")
        if not assertion:
            return None
        try:
            header, claims = unverified(assertion)
        except InvalidClientError:
            return None
        client = await asyncio.to_thread(self._client, claims["sub"])
        if client is None or client.kind != "confidential-asymmetric" or client.jwks_uri is None:
            return client.jwks if client else None
        kid = header.get("kid")
        found = await self._client_keys.at(client.jwks_uri, kid if isinstance(kid, str) else None)
        return dict(found) if found else None

    def _client(self, client_id: str) -> Client | None:
        with self._transactions.begin() as transaction:
            return clients.find(transaction, client_id)

    def _authorize(self, exchange: Exchange) -> Done:
        with self._transactions.begin() as transaction:
            server, request = Server(self._deployment, transaction), OAuthRequest(exchange)
            try:
                answer = self._kept(server, request)
            except OAuth2Error as error:
                answer = self._back(exchange, error)
            return _done(server, answer, _what(request, answer, "authorize"))

    def _kept(self, server: Server, request: OAuthRequest) -> Answer:
        """The request is waiting for its person. A launch id is used up only when all else is right."""
        exchange: Exchange = request.exchange
        if sum(len(value) for _, value in exchange.parameters) > CHARACTERS_MAX:
            raise InvalidRequestError("The request is too long")
        grant = server.get_consent_grant(request)
        if exchange.repeated():
            raise InvalidRequestError("A parameter is there twice", redirect_uri=grant.redirect_uri)
        launch = _launched(server, request, grant.redirect_uri)
        request_id = fresh()
        values = {
            "hash": digest(request_id),
            "client_id": request.client.id,
            "redirect_uri": grant.redirect_uri,
            "scopes": request.scope,
            "code_challenge": exchange.get("code_challenge"),
            "prompt": exchange.get("prompt") or "",
            "max_age": _seconds(exchange.get("max_age")),
            "launch_actor": launch.actor if launch else None,
            "context": Jsonb(launch.context if launch else {}),
            "seconds": self._deployment.lifetimes.request,
            **{name: exchange.get(name) for name in ("state", "nonce", "login_hint")},
        }
        sweeping.requests(server.transaction)
        server.transaction.execute(ADD_REQUEST, values)
        login = add_params_to_uri(self._deployment.issuer.endpoint("login"), {"request": request_id})
        return Answer(SEE_OTHER, "", {"Location": login})

    def _back(self, exchange: Exchange, error: OAuth2Error) -> Answer:
        """To the app where its redirect_uri is known to be its own, else to the person."""
        if error.redirect_uri is None or isinstance(error, ProofKeyRefused):
            return Answer(400, error.description or "The request is not one that this server answers.", {})
        error.state = exchange.get("state")
        status, body, headers = error()
        location = add_params_to_uri(dict(headers)["Location"], {"iss": self._deployment.issuer.base_url})
        return Answer(status, body, {"Location": location})


def _refusing_repeats(server: Server, request: OAuthRequest, work: Work) -> Answer:
    """RFC 6749, section 3.2: no parameter is there twice. authlib takes one of them."""
    try:
        if request.exchange.repeated():
            raise InvalidRequestError("A parameter is there twice")
        return work(server, request)
    except OAuth2Error as error:
        answer: Answer = server.handle_error_response(request, error)
        return answer


def _launched(server: Server, request: OAuthRequest, redirect_uri: str) -> Launch | None:
    launch_id = request.exchange.get("launch")
    if not launch_id:
        return None
    launch = launches.use(server.transaction, request.client.id, launch_id)
    if launch is None:
        raise InvalidRequestError("The launch is unknown, used, over, or another app's", redirect_uri=redirect_uri)
    return launch


def _launch(server: Server, request: OAuthRequest) -> Answer:
    """`client` and `user` name the app and the person; `context` is JSON in the names of the token response."""
    ehr = server.authenticate_client(request, CONFIDENTIAL)
    if not ehr.may_launch:
        raise InvalidClientError(description="The client may not launch apps", status_code=403)
    exchange = request.exchange
    app = clients.find(server.transaction, exchange.get("client") or "")
    if app is None:
        raise InvalidRequestError("There is no such client to launch")
    try:
        context = launches.parsed(exchange.get("context") or "{}")
        launch = Launch(exchange.get("user") or "", context)
        launch_id = launches.add(server.transaction, app.id, launch, server.deployment.lifetimes.launch)
    except GalenicError as error:
        raise InvalidRequestError(plain(error.message)) from error
    issuer = server.issuer.base_url
    body: dict[str, Any] = {"launch": launch_id, "iss": issuer, "expires_in": server.deployment.lifetimes.launch}
    if app.launch_uri:
        body["url"] = add_params_to_uri(app.launch_uri, {"iss": issuer, "launch": launch_id})
    return Answer(200, body, {"Content-Type": "application/json"})


def _seconds(text: str | None) -> int | None:
    """max_age of OpenID Connect; nothing where it is no number."""
    return min(int(text), 2**31 - 1) if text and text.isascii() and text.isdecimal() else None


def _what(request: OAuthRequest, answer: Answer, interaction: str) -> Record:
    """What happened, without a secret: codes, tokens and assertions stay out."""
    exchange: Exchange = request.exchange
    client = request.client.id if request.client else exchange.get("client_id") or ANONYMOUS
    family: Family | None = request.user if answer.status == OK else None
    actor, role = (family.actor, family.role) if family else (ANONYMOUS, "")
    patients = (family.context["patient"],) if family and "patient" in family.context else ()
    kind = "refused" if answer.status == UNAUTHORIZED else interaction
    return Record(exchange.context(client, actor, role), kind, answer.status, patients=patients, detail=_detail(answer))


def _detail(answer: Answer) -> str:
    """The scopes that were granted, or why there are none."""
    if isinstance(answer.body, str):
        return answer.body
    return str(answer.body.get("scope", answer.body.get("error_description", answer.body.get("error", ""))))


def _done(server: Server, answer: Answer, what: Record) -> Done:
    """What has an effect is recorded in its transaction."""
    if answer.status >= REFUSED and not server.has_revoked:
        return Done(answer, what)
    server.transaction.execute(audit.INSERT, audit.parameters(what))
    return Done(answer, None)
