"""The DAGs of a bucket, brought into the DAGs folder: only what differs, whole files, nothing outside of the folder."""
