"""How the world answers: each model vendor's client behind the one ChatModel port, and the state workers share."""
