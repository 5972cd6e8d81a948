"""The gateway's API: HTTP and JSON, and nothing of Airflow.

``models`` holds the values, ``dialects`` says what each call sends, ``parsing`` reads what comes back, ``transport``
makes the connections, ``client`` and ``async_client`` do the exchange, ``polling`` decides when to ask again, and
``download`` fetches the file. Imports run from the last of these to the first.
"""
