"""How the tests are run: what belongs to which tier, what may run side by side, how long each took."""
