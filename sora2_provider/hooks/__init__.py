"""An Airflow connection turned into a client of the gateway, and the connection's fields and form."""
