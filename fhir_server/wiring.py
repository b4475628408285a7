"""The composition root: settings in, a server out. Nobody else in the product puts its parts together."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any

from fhir_server.audit.recorder import Recorder
from fhir_server.audit.refusals import Refusals
from fhir_server.audit.reviewer import Reviewer
from fhir_server.audit.seal import Sealer
from fhir_server.auth.compartments import patient_parameters
from fhir_server.exchange.effects import Effects
from fhir_server.exchange.hl7 import Hl7Receiver
from fhir_server.exchange.partners import Partners
from fhir_server.exchange.schemas import schemas_in
from fhir_server.exchange.script import ScriptReceiver, ScriptWork
from fhir_server.identity.authorization import Authorizations
from fhir_server.identity.client_keys import ClientKeys
from fhir_server.identity.derived import derived
from fhir_server.identity.issuer import Issuer, Lifetimes
from fhir_server.identity.lockout import Lockout, LockoutLimits
from fhir_server.identity.oauth.endpoints import Endpoints
from fhir_server.identity.oauth.server import Deployment
from fhir_server.identity.origins import Origins
from fhir_server.identity.outside import Provider, Registration
from fhir_server.identity.passwords import Passwords
from fhir_server.identity.second_factor import SecondFactors
from fhir_server.identity.sessions import SessionLimits, Sessions
from fhir_server.identity.sign_in import Entrance
from fhir_server.identity.signing_keys import SigningKeys
from fhir_server.identity.tokens import TokenChecker
from fhir_server.identity.transactions import Transactions
from fhir_server.model.definitions import load_definitions
from fhir_server.notifications.deciding import Carrier
from fhir_server.notifications.delivering import Delivery
from fhir_server.notifications.inside import Listener, Reactions
from fhir_server.notifications.matching import Matcher
from fhir_server.notifications.passes import Passes
from fhir_server.notifications.sockets import Sockets
from fhir_server.notifications.speaking import Speaker
from fhir_server.notifications.triggers import judge_subscription
from fhir_server.notifications.watching import Watcher
from fhir_server.rates import Rates
from fhir_server.rest.commit import transaction_integrity
from fhir_server.rest.content import Body
from fhir_server.rest.cursor import CursorSealer
from fhir_server.rest.partner_search import partner_search
from fhir_server.rest.route import RouteTable
from fhir_server.rest.routes import ROUTES
from fhir_server.rest.server import Limits, Server, validate
from fhir_server.search.indexer import Indexer
from fhir_server.search.keys import KeyHasher
from fhir_server.search.registry import Registry
from fhir_server.settings import Settings
from fhir_server.storage.database import Database, DatabaseOptions
from fhir_server.storage.events import Sequencer, Waker
from fhir_server.storage.find import Finder
from fhir_server.storage.generations import Generations, IndexerSource
from fhir_server.storage.intents import Resource
from fhir_server.storage.read import Reader
from fhir_server.storage.reindexing import Reindexing
from fhir_server.storage.rids import RidSource
from fhir_server.storage.subscriptions import SUBSCRIPTION, Row
from fhir_server.storage.transact import Writer
from fhir_server.telemetry import Observe, observer
from fhir_server.validation.validator import Validator
from fhir_server.web.brands import Brands, read_brands
from fhir_server.web.cookies import Cookies
from fhir_server.web.discovery import oauth_uris
from fhir_server.web.patients import Patients
from fhir_server.web.script import Gateway
from fhir_server.web.visit import Desk
from fhir_server.web.websocket import Endpoint, url_of
from integrations.guarded.outbound import Outbound
from integrations.mail.mailer import Mailer
from integrations.mail.server import mail_server
from integrations.webhooks.rest_hook import RestHook
from subscriptions.request import Channel, Offer


@dataclass(frozen=True, slots=True)
class Identity:
    """The authorization server, and who asks it."""

    deployment: Deployment
    transactions: Transactions
    endpoints: Endpoints
    authorizations: Authorizations
    tokens: TokenChecker
    origins: Origins
    dynamic_registration: bool
    brands: Brands | None


@dataclass(frozen=True, slots=True)
class Parts:
    """What a process of the API or of the loader runs on."""

    server: Server
    hasher: KeyHasher
    body_limits: Body
    redis_url: str | None
    identity: Identity
    desk: Desk
    gateway: Gateway
    websocket: Endpoint
    observe: Observe


def base_url(settings: Settings) -> str:
    """The public base URL, from configuration only: a Host header is the client's word."""
    if settings.base_url:
        return settings.base_url.rstrip("/")
    scheme = "https" if settings.tls_cert else "http"
    return f"{scheme}://{settings.host}:{settings.port}/fhir"


def build(settings: Settings, *, idle_connections: int = 4) -> Parts:
    """Everything connected, nothing opened yet; raises `ValueError` where a needed setting is missing.

    `idle_connections` is what a process keeps open of each pool that has nothing to do.
    """
    database = Database(
        DatabaseOptions(
            url=_required(settings, "database_url"),
            connections=settings.database_connections,
            statement_timeout_ms=settings.statement_timeout_ms,
            idle_connections=idle_connections,
        )
    )
    validator = Validator(load_definitions())
    hasher = _hasher(settings)
    finder = Finder(_indexer_source(settings, hasher))
    offered = offer(settings)

    def judge(resource: Resource) -> None:
        if resource.get("resourceType") == SUBSCRIPTION:
            indexer, now = finder.source.indexer, database.clock.now()
            judge_subscription(resource, indexer, now, offered)

    def validate_and_judge(resource: Resource) -> None:
        validate(validator, resource)
        judge(resource)

    writer = Writer(database, RidSource(database), finder, validate_and_judge, Waker(database))
    recorder = Recorder(database)
    refusals = Refusals(recorder)
    identity = build_identity(settings, database, refusals)
    server = Server(
        base_url=base_url(settings),
        routes=RouteTable(ROUTES),
        database=database,
        reader=Reader(database),
        writer=writer,
        finder=finder,
        validator=validator,
        cursors=CursorSealer(
            bytes.fromhex(_required(settings, "cursor_key")), settings.page_seconds_max, database.clock
        ),
        passes=Passes(derived(bytes.fromhex(_required(settings, "cursor_key")), "websockets"), database.clock),
        websocket_url=url_of(base_url(settings)),
        limits=_limits(settings),
        referential_integrity=settings.referential_integrity,
        conditional_delete=settings.conditional_delete,
        recorder=recorder,
        refusals=refusals,
        rates=Rates(settings.client_requests_max),
        security=_security(settings, identity),
        access=identity.tokens if settings.auth == "on" else None,
        judge=judge,
    )
    redis_url = settings.redis_url.get_secret_value() if settings.redis_url else None
    body_limits = Body(settings.body_bytes_max, settings.body_seconds_max)
    desk, gateway = build_desk(settings, server, identity), build_gateway(settings, server)
    websocket, observe = build_websocket(settings, server), build_observer(settings)
    return Parts(server, hasher, body_limits, redis_url, identity, desk, gateway, websocket, observe)


def _security(settings: Settings, identity: Identity) -> dict[str, Any]:
    if settings.auth == "off":
        return {}
    return oauth_uris(identity.deployment.issuer, dynamic_registration=identity.dynamic_registration)


def build_identity(settings: Settings, database: Database, refusals: Refusals) -> Identity:
    transactions, deployment = Transactions(_required(settings, "database_url")), build_deployment(settings)
    keys = ClientKeys(Outbound(allow_private=settings.outbound_allow_private))
    return Identity(
        deployment=deployment,
        transactions=transactions,
        endpoints=Endpoints(deployment, transactions, keys, refusals),
        authorizations=Authorizations(transactions, deployment.issuer, deployment.lifetimes),
        tokens=TokenChecker(database),
        origins=Origins(database),
        dynamic_registration=settings.dynamic_registration == "on",
        brands=read_brands(settings.brands.read_bytes()) if settings.brands else None,
    )


def build_deployment(settings: Settings) -> Deployment:
    """What all requests to the authorization server have in common; for the command line too."""
    lifetimes = Lifetimes(
        access=settings.access_token_seconds,
        backend_access=settings.backend_token_seconds,
        offline_refresh=settings.offline_access_days * 24 * 3_600,
    )
    return Deployment(Issuer(base_url(settings)), lifetimes, SigningKeys(_secret(settings)))


def build_desk(settings: Settings, server: Server, identity: Identity) -> Desk:
    """What the pages for people work with."""
    deployment = identity.deployment
    is_secure = deployment.issuer.origin.startswith("https://")
    entrance = build_entrance(settings, identity.transactions)
    return Desk(
        entrance=entrance,
        authorizations=identity.authorizations,
        patients=Patients(server.database, server.reader, server.finder, server.recorder, server.base_url),
        cookies=Cookies(is_secure=is_secure, key=derived(_secret(settings), "forms")),
        issuer=deployment.issuer,
        lifetimes=deployment.lifetimes,
        provider=_provider(settings, entrance, deployment.issuer),
    )


def _provider(settings: Settings, entrance: Entrance, issuer: Issuer) -> Provider | None:
    if not settings.oidc_issuer:
        return None
    secret = settings.oidc_client_secret.get_secret_value() if settings.oidc_client_secret else None
    redirect_uri = issuer.endpoint("elsewhere/back")
    return Provider(Registration(settings.oidc_issuer, settings.oidc_client_id, secret, redirect_uri), entrance)


def build_entrance(settings: Settings, transactions: Transactions) -> Entrance:
    """How people log in; for the command line too."""
    locks = LockoutLimits(settings.login_failures_max, settings.address_failures_max, settings.lock_out_seconds)
    return Entrance(
        transactions,
        Passwords(),
        SecondFactors(derived(_secret(settings), "second factors")),
        Sessions(SessionLimits(settings.session_idle_seconds_max, settings.session_seconds_max)),
        Lockout(derived(_secret(settings), "lock-outs"), locks),
    )


def build_effects(server: Server) -> Effects:
    """What messages of partners write."""
    integrity = transaction_integrity(server)
    return Effects(server.database, current_of(server), server.validate, server.base_url, integrity)


def current_of(server: Server) -> Callable[[], Awaitable[tuple[Writer, Finder]]]:
    """The writer and the finder by the search parameters of now."""

    async def current() -> tuple[Writer, Finder]:
        now = await server.current()
        return now.writer, now.finder

    return current


def build_matcher(settings: Settings, source: IndexerSource, listeners: Sequence[Listener] = ()) -> Matcher:
    """Who gives the events of Subscriptions their numbers, and hands them to listeners in this process."""
    url, is_open = _required(settings, "database_url"), settings.auth == "off"
    return Matcher(url, source, settings.event_retention_days, offer(settings), listeners, is_open=is_open)


def build_reactions(server: Server, listeners: Sequence[Listener]) -> Reactions:
    """What is told them."""
    return Reactions(server.database, current_of(server), listeners)


def build_listeners() -> Sequence[Listener]:
    """Code of ours that subscribes to topics: there is none yet."""
    return ()


def offer(settings: Settings) -> Offer:
    """By which channels subscribers are told, and where."""
    channels: set[Channel] = {"rest-hook", "websocket"}
    if settings.smtp_url:
        channels.add("email")
    return Offer(frozenset(channels), settings.outbound_allow_private)


def build_delivery(settings: Settings, server: Server, outbound: Outbound) -> Delivery:
    """Who tells subscribers, by an `Outbound` of the same event loop."""
    return Delivery(
        server.database,
        current_of(server),
        _carriers(settings, server, outbound),
        webhook_secrets(settings),
        offer(settings),
        is_open=settings.auth == "off",
    )


def _carriers(settings: Settings, server: Server, outbound: Outbound) -> dict[Channel, Carrier]:
    carriers: dict[Channel, Carrier] = {"rest-hook": RestHook(outbound, server.database.clock.now)}
    if settings.smtp_url:
        mail = mail_server(settings.smtp_url.get_secret_value())
        now, pause = server.database.clock.now, settings.mail_pause_seconds
        carriers["email"] = Mailer(mail, settings.mail_from, server.base_url, now, pause)
    return carriers


def build_websocket(settings: Settings, server: Server) -> Endpoint:
    """Where clients open websockets, in the API processes."""
    speaker = Speaker(server.database, current_of(server), offer(settings), is_open=settings.auth == "off")
    sockets = Sockets(speaker, Watcher(_required(settings, "database_url")))
    return Endpoint(sockets, server.passes, server.rates, server.refusals)


def build_outbound(settings: Settings) -> Outbound:
    """Who sends to addresses that others choose; belongs to an event loop."""
    return Outbound(allow_private=settings.outbound_allow_private)


def webhook_secrets(settings: Settings) -> Callable[[Row], tuple[bytes, ...]]:
    """What messages to a Subscription are signed with: the secret of its generation, and of the one before."""
    secret = _secret(settings)

    def secrets(row: Row) -> tuple[bytes, ...]:
        generations = range(row.secrets, max(row.secrets - 2, 0), -1)
        return tuple(derived(secret, f"webhook {row.rid} {row.began} {one}") for one in generations)

    return secrets


def build_receiver(server: Server) -> Hl7Receiver:
    """Who answers the HL7 v2 of partners."""
    partners = Partners(server.database)
    search = partner_search(server)
    return Hl7Receiver(server.database, build_effects(server), search, partners, server.recorder, server.refusals)


def build_gateway(settings: Settings, server: Server) -> Gateway:
    """Who answers the SCRIPT of partners."""
    anchors = [settings.script_trust_anchors.read_bytes()] if settings.script_trust_anchors else []
    schemas = schemas_in(settings.script_xsd_dir)
    receiver = ScriptReceiver(server.database, server.recorder, anchors, schemas)
    return Gateway(receiver, Partners(server.database), server.refusals, server.rates)


def build_script_work(settings: Settings, server: Server) -> ScriptWork:
    """What SCRIPT means, in the worker."""
    schemas = schemas_in(settings.script_xsd_dir)
    return ScriptWork(server.database, build_effects(server), Partners(server.database), schemas)


def _secret(settings: Settings) -> bytes:
    """Of the installation; it cannot change, or nothing in the search index would be found."""
    return bytes.fromhex(_required(settings, "index_key"))


def from_environment() -> Parts:
    """What the environment's settings make."""
    return build(Settings())


def build_sequencer(settings: Settings) -> Sequencer:
    return Sequencer(_required(settings, "database_url"), settings.event_retention_days)


def build_observer(settings: Settings) -> Observe:
    """Who is told of each answered request; raises `TelemetryMissing`."""
    return observer(settings.otlp_endpoint)


def build_sealer(settings: Settings) -> Sealer:
    return Sealer(_required(settings, "database_url"))


def build_reviewer(settings: Settings) -> Reviewer:
    return Reviewer(_required(settings, "database_url"))


def build_reindexing(settings: Settings) -> Reindexing:
    return Reindexing(_required(settings, "database_url"), _indexer_source(settings, _hasher(settings)))


def build_indexer(settings: Settings, generations: Generations | None = None) -> Indexer:
    """The indexer alone, for a process without a database."""
    return _make_indexer(settings, _hasher(settings))(generations or Generations())


def _hasher(settings: Settings) -> KeyHasher:
    return KeyHasher(_secret(settings))


def _indexer_source(settings: Settings, hasher: KeyHasher) -> IndexerSource:
    return IndexerSource(_make_indexer(settings, hasher))


def _make_indexer(settings: Settings, hasher: KeyHasher) -> Callable[[Generations], Indexer]:
    """What indexers of all generations share is made once."""
    definitions = load_definitions()
    official = Registry(definitions)
    compartments, base = patient_parameters(definitions), base_url(settings)

    def make(generations: Generations) -> Indexer:
        coming = generations.building.definitions if generations.building else ()
        registry = official.evolved(generations.active.definitions, generations.newest.number, coming)
        return Indexer(registry, hasher, compartments, base)

    return make


def _limits(settings: Settings) -> Limits:
    return Limits(
        json_depth_max=settings.json_depth_max,
        bundle_entries_max=settings.bundle_entries_max,
        patch_operations_max=settings.patch_operations_max,
        page_size=settings.page_size,
        page_size_max=settings.page_size_max,
    )


def _required(settings: Settings, name: str) -> str:
    secret = getattr(settings, name)
    if secret is None:
        raise ValueError(f"GALENIC_{name.upper()} is not set")
    return str(secret.get_secret_value())
