"""Plumbing that knows no module: PostgreSQL, the outbox, streams, leases, embedded services."""
