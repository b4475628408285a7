"""docs/authorization/roles.md is the table in auth/roles.py, and consent.md names every sensitive label."""

from pathlib import Path

from fhir_server.auth.roles import ALLOWANCES, ROLES, SECOND_FACTOR, Allowance
from fhir_server.auth.scopes import ANY_TYPE
from fhir_server.search.consent import NOT_APPLIED, SENSITIVE

DOCS = Path(__file__).parents[2] / "docs" / "authorization"


def a_row(role: str, allowance: Allowance) -> str:
    types = "all but AuditEvent" if allowance.types == (ANY_TYPE,) else ", ".join(allowance.types)
    return f"| {role} | {types} | `{allowance.interactions}` | {allowance.reason} |"


def test_the_page_has_each_row_of_the_table_and_no_other() -> None:
    text = (DOCS / "roles.md").read_text()
    rows = [line for line in text.splitlines() if line.startswith("| ") and not line.startswith(("| role", "| ---"))]
    assert rows == [a_row(role, allowance) for role in ROLES for allowance in ALLOWANCES[role]]
    assert f"asked of: {', '.join(sorted(SECOND_FACTOR))}." in text


def test_what_is_sensitive_and_what_is_not_looked_at_is_said() -> None:
    text = (DOCS / "consent.md").read_text()
    assert [label for label in SENSITIVE if label.replace("|", "\\|") not in text] == []
    assert [name for name in NOT_APPLIED if f"`{name}`" not in text] == []
