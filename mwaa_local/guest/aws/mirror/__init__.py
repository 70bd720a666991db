"""The source bucket of an environment whose files are its user's folders: what is in them, as objects."""
