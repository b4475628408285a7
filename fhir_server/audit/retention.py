"""Old records go, a month at a time, by the hand of the owner of the tables alone; that they went stays on record.

HIPAA keeps documentation for six years (45 CFR 164.316(b)(2)), records of controlled substances live two
(21 CFR 1311.305): the database refuses to drop anything younger than six.
"""

from typing import Final

import psycopg

from fhir_server.audit.canonical import moment
from fhir_server.audit.interactions import RETENTION
from fhir_server.audit.statements import INSERT, parameters
from fhir_server.audit.system import system_record

YEARS_MIN: Final = 6

DROP: Final = "SELECT name, before, numbers::text FROM galenic_drop_expired_audit(%s)"


def expire(url: str, years: int) -> list[str]:
    """Drops partitions all of whose records are older than `years`; their names, oldest first.

    `url` is of a role that is galenic_owner or may become it. What is dropped and the record of it commit together.
    """
    with psycopg.connect(url, options="-c timezone=UTC") as connection:
        connection.execute("SET LOCAL ROLE galenic_owner")
        dropped = connection.execute(DROP, (years,)).fetchall()
        for name, before, numbers in dropped:
            what = f"{name}: records before {moment(before)}, numbers {numbers}, kept for {max(years, YEARS_MIN)} years"
            connection.execute(INSERT, parameters(system_record(RETENTION, what)))
    return [name for name, _, _ in dropped]
