"""Public codes of prescriptions: units, forms, schedules, and their equivalents."""
