{% autoescape off %}# An assistant like {{ assistant_id }}
curl {{ address }}/assistants \
  -H "Authorization: Bearer $PLAYGROUND_API_KEY" \
  -H "Content-Type: application/json" \
  -d '{{ body }}'

# A new thread and a run of {{ assistant_id }} on it, streamed
curl -N {{ address }}/threads/runs \
  -H "Authorization: Bearer $PLAYGROUND_API_KEY" \
  -H "Content-Type: application/json" \
  -d '{{ question }}'
{% endautoescape %}
