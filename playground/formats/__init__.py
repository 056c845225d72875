"""How each language writes dates and numbers: names for ``{{ moment|date:"DAY" }}``, beside those
of Django (https://docs.djangoproject.com/en/stable/topics/i18n/formatting/). Times of the day are
"H:i" in both languages.
"""
