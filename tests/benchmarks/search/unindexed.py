"""`galenic load` that indexes nothing: the limit of a load that does.

Its workers are spawned: they import this module again, and index nothing either.
"""

import sys
from typing import Any

from fhir_server.cli.main import main
from fhir_server.search.index import IndexRow
from fhir_server.search.indexer import Indexer


def _nothing(self: Indexer, resource: dict[str, Any]) -> IndexRow:
    return IndexRow()


Indexer.index = _nothing  # type: ignore[method-assign]

if __name__ == "__main__":
    sys.exit(main())
