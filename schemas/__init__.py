"""Floor 1, the language: nouns that every room speaks. Standard library and pydantic only."""
