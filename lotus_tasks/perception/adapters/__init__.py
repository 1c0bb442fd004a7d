"""How the world answers perception: the file system and PostgreSQL."""
