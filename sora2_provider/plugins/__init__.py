"""What Airflow's web interface gets from this package."""
