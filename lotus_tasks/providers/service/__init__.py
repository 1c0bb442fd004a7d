"""What the providers module decides: which provider, how long, how often again, what fits, and what to quote."""
