"""The EMR API on one machine: the real protocol, and steps that are real ``spark-submit`` processes.

__main__   the server: ``python -m reprise.sandbox.emr --port 4566 --home .reprise/emr``
app        the protocol: JSON 1.1, ``X-Amz-Target: ElasticMapReduce.<Action>``, EMR's errors
calls      what each action accepts and returns
cloud      all clusters of one server
life       one cluster from STARTING to TERMINATED
models     clusters and steps, their states and wire form
image      what is on a cluster's machine: Spark, Java, S3A, and the environment a process gets
submit     the four ways in which a ``spark-submit`` command differs from EMR
runner     processes, and how a whole tree of them is ended
logs       where EMR puts logs
store      clusters on disk
faults     throttling and killed steps, on request
"""
