"""Who did what to whose data: recorded, sealed, verified, shown as AuditEvents."""
