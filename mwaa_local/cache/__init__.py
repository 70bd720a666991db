"""What mwaa-local keeps outside of projects: who made it, who uses it, how large it is, how it is removed again."""
