"""The index key belongs to the database: with another one no token would match, and identities would be doubled."""

from typing import Final

from fhir_server.errors import WrongIndexKey
from fhir_server.search.keys import KeyHasher
from fhir_server.storage.database import Database

REMEMBER: Final = "INSERT INTO index_key (proof) VALUES (%s) ON CONFLICT (single) DO NOTHING"
RECALL: Final = "SELECT proof FROM index_key"


async def check_index_key(database: Database, hasher: KeyHasher) -> None:
    """The first process on an empty database leaves the proof; raises `WrongIndexKey` where it differs."""
    proof = hasher.token("", "", "the key of this index")
    async with database.connection() as connection:
        await connection.execute(REMEMBER, (proof,))
        row = await (await connection.execute(RECALL)).fetchone()
    if row != (proof,):
        raise WrongIndexKey("GALENIC_INDEX_KEY is not the key the search index of this database was made with")
