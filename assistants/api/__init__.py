"""The HTTP face of the service: the Assistants API on the wire.

``urls`` puts it together. One router a noun (``assistants``, ``threads``, ``messages``, ``runs``,
``steps``, ``files``, ``models``) turns requests into operations and their objects into replies.
``middleware`` stands around all of it: addresses, headers, and the promise that every answer is
JSON. What an address says about the client's dialect is in ``dialects``, who asks in ``auth``,
refusals in ``problems``, streamed runs in ``streaming``.
"""
