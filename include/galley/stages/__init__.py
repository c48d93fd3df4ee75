"""What the tasks of a run do, free of Airflow: collect, plan, record, and the content date they agree on."""
