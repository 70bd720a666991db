"""MWAA's API as HTTP: a request becomes a Call by botocore's model of the service, a result becomes an answer."""
