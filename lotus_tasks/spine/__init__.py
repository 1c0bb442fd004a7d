"""Durable commands in PostgreSQL: outbox, leases, execution, streams, and the database itself."""
