"""The runtime of containers under Docker Compose. Docker's words are spoken here and nowhere else."""
