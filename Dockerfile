# One image for every service that is ours: Airflow, MLflow, the sandbox's S3 and EMR.
FROM python:3.11-slim-bookworm

# LightGBM needs the OpenMP runtime, which slim images lack.
RUN apt-get update && apt-get install -y --no-install-recommends libgomp1 && rm -rf /var/lib/apt/lists/*

RUN useradd --create-home --uid 50000 reprise
WORKDIR /opt/reprise
COPY requirements.txt requirements-emr.txt pyproject.toml ./
RUN pip install --no-cache-dir --require-hashes -r requirements.txt
COPY include include
RUN pip install --no-cache-dir --no-deps --no-build-isolation -e .

ENV REPRISE_JARS=/opt/reprise/jars REPRISE_HOME=/state
RUN python -c "from reprise.sandbox.jars import fetch_jars; fetch_jars(('s3proxy', 's3a'))"
COPY dags dags
COPY plugins plugins
RUN mkdir /state && chown reprise /state
USER reprise
ENTRYPOINT ["reprise", "sandbox", "serve"]
