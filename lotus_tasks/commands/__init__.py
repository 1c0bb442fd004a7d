"""What one module asks of another, and what it answers: a frozen class for each verb and each result, below the modules.

A command's fields are its row's ``payload``, a result's are its ``result``: JSON, written and read by codec.py. Rows outlive the
code that wrote them: a field is never renamed, and a new one has a default.
"""
