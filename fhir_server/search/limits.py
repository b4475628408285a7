"""What a search may ask at most; past a limit it is refused as too costly before anything runs."""

from typing import Final

OR_VALUES_MAX: Final = 200
"""Values of one parameter, separated by commas (values)."""

VALUES_MAX: Final = 1_000
"""Values of all parameters of one query together, each counted for every type it is asked of: those of `_type`, those a
chain may lead to (values)."""

QUERY_CHARACTERS_MAX: Final = 131_072
"""Names and values of the parameters of one query together (characters)."""

CRITERIA_MAX: Final = 50
"""Parameters of one query (parameters)."""

CHAIN_DEPTH_MAX: Final = 3
"""References a chained parameter follows (references)."""

HAS_DEPTH_MAX: Final = 2
"""`_has` within `_has` (levels)."""

SORT_KEYS_MAX: Final = 5
"""Parameters of `_sort` (parameters)."""

INCLUDES_MAX: Final = 20
"""`_include` and `_revinclude` of one query (parameters)."""

ITERATE_DEPTH_MAX: Final = 5
"""Rounds of `:iterate`: what an included resource includes, and so on (rounds)."""

INCLUDED_MAX: Final = 1_000
"""Resources one page includes beside its matches (resources)."""

LINKS_MAX: Final = 50_000
"""References `_revinclude` looks for: the resources of the page times the parameters that may refer to them (links)."""

FILTER_CHARACTERS_MAX: Final = 4_000
"""Length of `_filter` (characters)."""

FILTER_DEPTH_MAX: Final = 10
"""Parentheses and `not` within each other in `_filter` (levels)."""
