{% autoescape off %}# Needs curl and jq.
api={{ base_url }}

# call PATH [OPTIONS OF CURL]
call() {
  curl --silent --show-error --fail-with-body "$api/$1" "${@:2}" \
    -H "Authorization: Bearer $PLAYGROUND_API_KEY" \
    -H "Content-Type: application/json"
}

# post PATH JSON
post() {
  call "$1" -d @- <<< "$2"
}

# Makes another assistant like {{ assistant.id }}.
assistant=$(post assistants {{ settings }} | jq -r .id)
thread=$(post threads {{ resources }} | jq -r .id)
{% if outputs %}
# What functions were answered on the thread, in order; the last output of each stays.
{% for name in without_output %}# {{ name }} was not answered there: put its output here.
{% endfor %}outputs={{ outputs }}

# Answers the calls of the run, each with the next output of its function.
answer_functions() {
  local answers answered
  answers=$(call "threads/$thread/runs/$1" | jq --slurpfile outputs <(echo "$outputs") '
    reduce .required_action.submit_tool_outputs.tool_calls[] as $call (
      {outputs: $outputs[0], tool_outputs: []};
      $call.function as $function
      | (.outputs[$function.name] // error("\($function.name) has no output.")) as $left
      | .tool_outputs += [{tool_call_id: $call.id, output: $left[0]}]
      | .told += ["\($function.name)(\($function.arguments))"]
      | if ($left | length) > 1 then .outputs[$function.name] |= .[1:] else . end
    )') || return 1
  outputs=$(jq .outputs <<< "$answers")
  jq -r '.told[]' <<< "$answers"
  answered=$(post "threads/$thread/runs/$1/submit_tool_outputs" \
    "$(jq '{tool_outputs}' <<< "$answers")") || { echo "$answered" >&2; return 1; }
}
{% endif %}
# Runs the assistant on the thread, prints its answer and saves its images.
run() {
  local run state answer image{% if has_options %} body
  body=$(jq --arg id "$assistant" '{assistant_id: $id} + .' <<< "${1:-null}")
  run=$(post "threads/$thread/runs" "$body" | jq -r .id){% else %}
  run=$(post "threads/$thread/runs" "{\"assistant_id\": \"$assistant\"}" | jq -r .id){% endif %}
  state=queued
  while [[ $state == queued || $state == in_progress{% if outputs %} || $state == requires_action{% endif %} ]]; do
    {% if outputs %}[[ $state != requires_action ]] || answer_functions "$run" || return 1
    {% endif %}sleep 1
    state=$(call "threads/$thread/runs/$run" | jq -r .status)
  done
  if [[ $state != completed ]]; then
    echo "The run is $state." >&2
    return 1
  fi
  answer=$(call "threads/$thread/messages?run_id=$run&order=asc")
  jq -r '.data[].content[] | select(.type == "text") | .text.value' <<< "$answer"
  for image in $(jq -r '.data[].content[].image_file.file_id // empty' <<< "$answer"); do
    call "files/$image/content" -o "$image.png" && echo "Saved $image.png"
  done
}

{% for said, options in turns %}{% for body, files in said %}{% if files %}# With {{ files|join:", " }}, stored on this server.
{% endif %}post "threads/$thread/messages" {{ body }} > /dev/null
{% endfor %}run{% if options %} {{ options }}{% endif %}
{% if not forloop.last %}
{% endif %}{% endfor %}{% if left_out %}
# {{ thread.id }} goes on with {{ left_out }} more message{{ left_out|pluralize }}.
{% endif %}{% endautoescape %}
