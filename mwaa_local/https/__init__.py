"""What https on this machine stands on: an authority for one user of it, and a certificate for each project."""
