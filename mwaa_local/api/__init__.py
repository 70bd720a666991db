"""The control plane: MWAA's API for the environments of one project, or of a folder of projects."""
