"""Every setting of Galenic: an environment variable `GALENIC_<NAME>`, with a description and a unit."""

from pathlib import Path
from typing import Literal

from pydantic import Field, SecretStr, ValidationInfo, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from integrations.mail.server import mail_server
from subscriptions.endpoint import is_address


class Settings(BaseSettings):
    """Frozen; read once, by the composition root, the command line and the worker only."""

    model_config = SettingsConfigDict(env_prefix="GALENIC_", frozen=True, env_ignore_empty=True)

    host: str = Field("127.0.0.1", description="Address to listen on (IP address)")
    port: int = Field(8080, ge=0, le=65535, description="Port to listen on (TCP port)")
    base_url: str = Field("", description="Public base URL of the FHIR API (URL; default http(s)://host:port/fhir)")
    data_dir: Path = Field(Path("data"), description="Folder of the embedded PostgreSQL and Valkey (path)")
    database_url: SecretStr | None = Field(
        None, description="PostgreSQL to use in place of the embedded one, as role galenic_app (URL)"
    )
    database_owner_url: SecretStr | None = Field(
        None,
        description="The same PostgreSQL as a role that may create roles and tables; `db upgrade` only (URL)",
    )
    redis_url: SecretStr | None = Field(None, description="Redis or Valkey in place of the embedded one (URL)")
    tls_cert: Path | None = Field(None, description="Certificate chain; with GALENIC_TLS_KEY serves HTTPS (path)")
    tls_key: Path | None = Field(None, description="Private key of GALENIC_TLS_CERT (path)")
    index_key: SecretStr | None = Field(
        None,
        description="Key of the search index's token hashes; embedded: made at first start (hex, 32 bytes)",
    )
    cursor_key: SecretStr | None = Field(
        None, description="Key that signs paging links; embedded: made at first start (hex, 32 bytes)"
    )
    env: Literal["development", "production"] = Field(
        "development", description="Production refuses what is for development only (word)"
    )
    auth: Literal["on", "off"] = Field(
        "on", description="Whether requests need an access token; off is refused in production (word)"
    )
    access_token_seconds: int = Field(3_600, ge=60, le=3_600, description="Life of an app's access token (seconds)")
    backend_token_seconds: int = Field(300, ge=30, le=300, description="Life of a system's access token (seconds)")
    offline_access_days: int = Field(
        90, ge=1, le=400, description="How long a refresh token of offline_access waits for its next use (days)"
    )
    dynamic_registration: Literal["on", "off"] = Field(
        "off", description="Whether apps may register themselves, without an operator (word)"
    )
    brands: Path | None = Field(
        None, description="User-access brands that are published, a FHIR Bundle (path; default: none)"
    )
    outbound_allow_private: bool = Field(
        False,
        description="Fetch clients' keys from private addresses, and tell subscribers there, also by http; "
        "refused in production (true or false)",
    )
    smtp_url: SecretStr | None = Field(
        None,
        description="Mail server that notifications are handed in at, smtp:// with STARTTLS or smtps://, with "
        "user:password@; empty: none go by mail (URL)",
    )
    mail_from: str = Field("", validate_default=True, description="Sender of that mail (e-mail address)")
    mail_pause_seconds: float = Field(
        300.0, ge=1, description="Least time between two mails to one Subscription (seconds)"
    )
    session_idle_seconds_max: int = Field(
        900, ge=60, le=3_600, description="Time without a request after which a person is logged out (seconds)"
    )
    session_seconds_max: int = Field(
        43_200, ge=300, le=86_400, description="Time after which a person logs in again in any case (seconds)"
    )
    login_failures_max: int = Field(
        5, ge=3, le=20, description="Wrong passwords or codes after which a login is locked (failures)"
    )
    address_failures_max: int = Field(
        50, ge=5, description="The same for a network address, whatever the logins; a proxy is one address (failures)"
    )
    lock_out_seconds: int = Field(
        900, ge=60, description="First lock of a login or an address; each further one is twice as long (seconds)"
    )
    oidc_issuer: str = Field(
        "", description="Outside OpenID provider at which people may log in; empty: none (URL, as in its id_tokens)"
    )
    oidc_client_id: str = Field("", description="What this server is called there (text)")
    oidc_client_secret: SecretStr | None = Field(None, description="Its secret there, where it has one (text)")
    demo: bool = Field(True, description="Load the demo set at the first start on embedded PostgreSQL (true or false)")
    api_processes: int = Field(1, ge=1, le=64, description="API processes sharing the port (processes)")
    database_connections: int = Field(12, ge=4, le=64, description="Connections per API process (connections)")
    statement_timeout_ms: int = Field(30_000, ge=100, description="Longest a statement may run (milliseconds)")
    body_bytes_max: int = Field(64 * 2**20, ge=1024, description="Largest request body, after decoding (bytes)")
    url_bytes_max: int = Field(16_384, ge=1024, description="Longest request URL (bytes)")
    header_bytes_max: int = Field(32_768, ge=1024, description="All request headers together (bytes)")
    header_count_max: int = Field(100, ge=10, description="Request headers (headers)")
    client_requests_max: int = Field(
        500, ge=0, description="Requests of one client to one API process; 0: no limit (requests per second)"
    )
    header_seconds_max: float = Field(10.0, gt=0, description="Longest wait for a request's headers (seconds)")
    body_seconds_max: float = Field(60.0, gt=0, description="Longest wait for a request's body (seconds)")
    connections_max: int = Field(2_000, ge=10, description="Open client connections per API process (connections)")
    json_depth_max: int = Field(100, ge=20, le=400, description="Deepest nesting of a JSON body (levels)")
    bundle_entries_max: int = Field(5_000, ge=1, description="Entries of one batch or transaction (entries)")
    patch_operations_max: int = Field(1_000, ge=1, description="Operations of one patch (operations)")
    page_size: int = Field(50, ge=1, description="Entries of a page when _count is absent (entries)")
    page_size_max: int = Field(1_000, ge=1, description="Entries of a page at most (entries)")
    page_seconds_max: int = Field(3_600, ge=1, description="Lifetime of a paging link (seconds)")
    referential_integrity: Literal["off", "warn", "transaction", "enforce"] = Field(
        "transaction",
        description="Where local references must resolve: nowhere; the same, but warn; transactions; all (word)",
    )
    conditional_delete: Literal["single", "multiple"] = Field(
        "single",
        description="What a conditional delete with several matches does: 412, or delete them all (word)",
    )
    mllp_port: int = Field(2_575, ge=0, le=65535, description="Port of HL7 v2 by MLLP; 0: none (TCP port)")
    mllp_tls_cert: Path | None = Field(
        None, description="Certificate chain; with GALENIC_MLLP_TLS_KEY, MLLP is over TLS (path)"
    )
    mllp_tls_key: Path | None = Field(None, description="Private key of GALENIC_MLLP_TLS_CERT (path)")
    mllp_client_ca: Path | None = Field(
        None, description="Authorities whose certificates partners have to show, mutual TLS (path; default: none asked)"
    )
    mllp_message_bytes_max: int = Field(8 * 2**20, ge=1_024, description="Longest HL7 v2 message by MLLP (bytes)")
    mllp_message_seconds_max: float = Field(30.0, gt=0, description="From a message's first byte to its last (seconds)")
    mllp_connections_max: int = Field(2_000, ge=1, description="Open MLLP connections (connections)")
    script_trust_anchors: Path | None = Field(
        None, description="Authorities whose signatures of SCRIPT hold, PEM (path; default: none do)"
    )
    script_xsd_dir: Path | None = Field(
        None, description="Folder of NCPDP's schemas by version, which what we send is judged by (path; default: none)"
    )
    event_retention_days: int = Field(30, ge=1, description="How long events are kept (days)")
    audit_retention_years: int = Field(
        6, ge=6, le=100, description="Age at which `galenic audit expire` drops audit records (years)"
    )
    audit_key: Path | None = Field(
        None,
        description="Ed25519 private key, PEM, that signs anchors (path; default audit_key.pem in the data folder)",
    )
    otlp_endpoint: str = Field("", description="OpenTelemetry collector, OTLP over HTTP; empty: none (URL)")
    log_level: Literal["debug", "info", "warning", "error"] = Field("info", description="Least severe log line (level)")

    @field_validator("auth")
    @classmethod
    def _on_in_production(cls, value: str, others: ValidationInfo) -> str:
        if value == "off" and others.data.get("env") == "production":
            raise ValueError("off is for development, and refused with GALENIC_ENV=production")
        return value

    @field_validator("oidc_issuer")
    @classmethod
    def _by_https_in_production(cls, value: str, others: ValidationInfo) -> str:
        if value.startswith("https://") or not value:
            return value
        if value.startswith("http://") and others.data.get("env") == "development":
            return value
        raise ValueError("it is an https URL; http is for development")

    @field_validator("smtp_url")
    @classmethod
    def _a_mail_servers(cls, value: SecretStr | None) -> SecretStr | None:
        if value is not None:
            mail_server(value.get_secret_value())
        return value

    @field_validator("mail_from")
    @classmethod
    def _beside_its_server(cls, value: str, others: ValidationInfo) -> str:
        if value and not is_address(value):
            raise ValueError("it is one address, in ASCII")
        if "smtp_url" in others.data and bool(value) != (others.data["smtp_url"] is not None):
            raise ValueError("GALENIC_SMTP_URL and GALENIC_MAIL_FROM are set together")
        return value

    @field_validator("outbound_allow_private")
    @classmethod
    def _not_in_production(cls, value: bool, others: ValidationInfo) -> bool:
        if value and others.data.get("env") == "production":
            raise ValueError("it is for development, and refused with GALENIC_ENV=production")
        return value
