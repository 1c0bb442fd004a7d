"""How the world answers reasoning."""
