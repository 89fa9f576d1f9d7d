"""Airflow's side of Reprise: the only room (with dags/ and plugins/) that imports Airflow.

params     the trigger forms
tasks      one task per word of the graph; the bodies are in the modules below
planning   what one run will do, resolved once
emr        operators: open a cluster, run one step on it, close it
trigger    waiting for a step without a worker slot
emr_api    the few calls to EMR that these need
cluster    the requests themselves, as pure functions
recording  what MLflow gets after a step has ended
releasing  gate, upload, verify, promote and roll back
ending     how a run ends: its word, its record, and nothing left running
review     the question put to named people
links      from an Airflow task to its MLflow run, Solr model and step logs
records    what travels between tasks

Heavy libraries (boto3, MLflow, pandas) are imported in functions: the scheduler parses DAG files all day.
"""
