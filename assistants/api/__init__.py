"""The HTTP face of the service: the Assistants API on the wire.

``urls`` puts it together. One router a noun (``assistants``, ``threads``, ``messages``, ``runs``,
``steps``, ``files``, ``vector_stores``, ``vector_store_files``, ``file_batches``, ``models``) turns
requests into operations and their objects into replies.
``middleware`` stands around all of it: addresses, headers, and the promise that every answer is
JSON. How clients differ is in ``dialects``, with the first version of the API in
``dialects.first``; ``attached_files`` has the addresses that only that version knows. Who asks is
in ``auth``, refusals are in ``problems``, streamed runs in ``streaming``.
"""
