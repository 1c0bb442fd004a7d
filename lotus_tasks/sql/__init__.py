"""SQL: migrations in order, and one file of named queries a module."""
