"""The styleguide: every part of the pages in every state, from their own templates."""
