"""The environments that the API knows: what is kept of each, its status, and the operations that change it."""
