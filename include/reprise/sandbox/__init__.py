"""Everything for one machine: S3, EMR, Solr, MLflow and Airflow as real processes; never shipped to EMR.

``home`` knows where state lives, which ports are used and what the services are told; ``jars`` brings the
Java parts; ``services`` says what to start and when it is healthy; ``supervisor`` starts and ends it.
"""
