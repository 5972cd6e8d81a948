"""The gateway's API: HTTP and JSON, and nothing of Airflow.

``models`` holds the values, ``endpoints`` says what each call sends, ``responses`` reads what comes back,
``client`` does the exchange, and ``waiting`` decides when to ask again.
"""
