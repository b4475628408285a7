"""People: who logs in, what proves it, their sessions, and how often a login failed.

No password, second factor, recovery code or cookie is stored as it is: docs/authorization/people.md says how each is.
"""

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    ForeignKeyConstraint,
    Index,
    Integer,
    LargeBinary,
    PrimaryKeyConstraint,
    Table,
    Text,
    UniqueConstraint,
    Uuid,
    text,
)
from sqlalchemy.dialects.postgresql import ARRAY

from fhir_server.tables.columns import INSTANT, NO_TEXTS, code, metadata

NOW = text("clock_timestamp()")


def _of_person(constraint: str) -> ForeignKeyConstraint:
    return ForeignKeyConstraint(["person"], ["person.id"], name=constraint, ondelete="CASCADE")


person = Table(
    "person",
    metadata,
    Column("id", Uuid, nullable=False, server_default=text("gen_random_uuid()")),
    code("login"),  # folded: two spellings are one login
    Column("display_name", Text(collation="C"), nullable=False),
    code("role"),  # of auth/roles.py
    code("fhir_user"),  # reference: Practitioner/1
    Column("patients", ARRAY(Text(collation="C")), nullable=False, server_default=NO_TEXTS),
    Column("password_hash", Text(collation="C")),  # argon2id; null: logs in elsewhere only
    Column("disabled", Boolean, nullable=False, server_default=text("false")),
    Column("created", INSTANT, nullable=False, server_default=NOW),
    PrimaryKeyConstraint("id", name="person_pk"),
    UniqueConstraint("login", name="person_login_key"),
)

identity_link = Table(  # who somebody is at an outside OpenID provider
    "identity_link",
    metadata,
    code("issuer"),
    code("subject"),
    Column("person", Uuid, nullable=False),
    Column("created", INSTANT, nullable=False, server_default=NOW),
    PrimaryKeyConstraint("issuer", "subject", name="identity_link_pk"),
    _of_person("identity_link_person_fk"),
    Index("identity_link_person_idx", "person"),
)

second_factor = Table(
    "second_factor",
    metadata,
    Column("person", Uuid, nullable=False),
    Column("secret", LargeBinary, nullable=False),  # encrypted: identity/second_factor.py
    Column("last_step", BigInteger, nullable=False, server_default=text("0")),  # a code is taken once
    Column("confirmed", INSTANT),  # null: shown, and not yet proven by a code
    PrimaryKeyConstraint("person", name="second_factor_pk"),
    _of_person("second_factor_person_fk"),
)

recovery_code = Table(
    "recovery_code",
    metadata,
    Column("person", Uuid, nullable=False),
    Column("hash", LargeBinary, nullable=False),
    Column("used", INSTANT),
    PrimaryKeyConstraint("person", "hash", name="recovery_code_pk"),
    _of_person("recovery_code_person_fk"),
)

login_session = Table(
    "login_session",
    metadata,
    Column("id", Uuid, nullable=False, server_default=text("gen_random_uuid()")),
    Column("cookie_hash", LargeBinary, nullable=False),  # SHA-256 of the cookie
    Column("person", Uuid, nullable=False),
    code("request"),  # the authorization request the person logged in for; "": none
    Column("authenticated", INSTANT, nullable=False, server_default=NOW),
    Column("second_factor", INSTANT),
    Column("last_seen", INSTANT, nullable=False, server_default=NOW),
    Column("expires", INSTANT, nullable=False),
    Column("ended", INSTANT),
    PrimaryKeyConstraint("id", name="login_session_pk"),
    UniqueConstraint("cookie_hash", name="login_session_cookie_hash_key"),
    _of_person("login_session_person_fk"),
    Index("login_session_person_idx", "person"),
    Index("login_session_expires_idx", "expires"),
)

launch_choice = Table(  # which patient and encounter a person chose for an authorization request
    "launch_choice",
    metadata,
    Column("session", Uuid, nullable=False),
    code("request"),
    Column("patient", Text(collation="C")),
    Column("encounter", Text(collation="C")),
    PrimaryKeyConstraint("session", "request", name="launch_choice_pk"),
    ForeignKeyConstraint(["session"], ["login_session.id"], name="launch_choice_session_fk", ondelete="CASCADE"),
)

login_failure = Table(  # attempts since the last success, of a login, of an address or of a second factor
    "login_failure",
    metadata,
    code("kind"),
    Column("key", LargeBinary, nullable=False),  # keyed hash: what was typed as a login may be a password
    Column("failures", Integer, nullable=False),
    Column("refused", Integer, nullable=False, server_default=text("0")),  # attempts while it was locked
    Column("last", INSTANT, nullable=False, server_default=NOW),
    Column("locked_until", INSTANT),
    PrimaryKeyConstraint("kind", "key", name="login_failure_pk"),
    Index("login_failure_last_idx", "last"),
)

outside_login = Table(  # a login at an outside OpenID provider that has begun and not come back
    "outside_login",
    metadata,
    Column("state_hash", LargeBinary, nullable=False),
    Column("visit_hash", LargeBinary, nullable=False),  # of the browser's cookie: only it may come back
    code("nonce"),
    code("verifier"),
    Column("expires", INSTANT, nullable=False),
    PrimaryKeyConstraint("state_hash", name="outside_login_pk"),
    Index("outside_login_expires_idx", "expires"),
)
