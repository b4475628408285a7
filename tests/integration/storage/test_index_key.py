"""An index belongs to the key it was made with."""

import pytest

from fhir_server.errors import WrongIndexKey
from fhir_server.search.keys import KeyHasher
from fhir_server.storage.index_key import check_index_key
from fhir_server.wiring import Parts


async def test_the_key_of_the_first_start_is_the_only_one_accepted(parts: Parts) -> None:
    database = parts.server.database
    await check_index_key(database, parts.hasher)
    await check_index_key(database, parts.hasher)
    with pytest.raises(WrongIndexKey):
        await check_index_key(database, KeyHasher(b"x" * 32))
