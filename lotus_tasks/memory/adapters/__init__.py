"""How the world answers memory: PostgreSQL, Chroma, Redis, and what embeds."""
