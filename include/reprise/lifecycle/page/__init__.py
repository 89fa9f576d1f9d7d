"""The ranking page inside the Airflow UI: what is live, what waits for a review beside it, and all there was.

``lazy`` is what the plugin registers; ``app`` has the routes; ``live``, ``compare`` and ``history`` are the tabs' data.
Approving is not done here: the browser answers Airflow itself, under the log-in of who looks at the page.
"""
