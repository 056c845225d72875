{% autoescape off %}# pip install openai
import os

from openai import OpenAI

client = OpenAI(
    base_url={{ base_url }},
    api_key=os.environ["PLAYGROUND_API_KEY"],
)

# Makes another assistant like {{ assistant.id }}.
assistant = client.beta.assistants.create(
{% for argument in settings %}    {{ argument }}
{% endfor %})
thread = client.beta.threads.create({% for argument in resources %}
    {{ argument }}
{% endfor %})
{% if outputs %}
# What functions were answered on the thread, in order; the last output of each stays.
{% for name in without_output %}# {{ name }} was not answered there: put its output here.
{% endfor %}outputs = {{ outputs }}


def output_of(function):
    """What is answered to a call; a program of yours would work it out from the arguments."""
    print(f"{function.name}({function.arguments})")
    if function.name not in outputs:
        raise SystemExit(f"{function.name} has no output.")
    left = outputs[function.name]
    return left.pop(0) if len(left) > 1 else left[0]
{% endif %}

def run({% if has_options %}**options{% endif %}):
    """Run the assistant on the thread, print its answer and save its images."""
    run = client.beta.threads.runs.create_and_poll({% if has_options %}
        thread_id=thread.id, assistant_id=assistant.id, **options
    ){% else %}thread_id=thread.id, assistant_id=assistant.id){% endif %}{% if outputs %}
    while run.status == "requires_action":
        calls = run.required_action.submit_tool_outputs.tool_calls
        run = client.beta.threads.runs.submit_tool_outputs_and_poll(
            thread_id=thread.id,
            run_id=run.id,
            tool_outputs=[
                {"tool_call_id": call.id, "output": output_of(call.function)} for call in calls
            ],
        ){% endif %}
    if run.status != "completed":
        why = run.last_error or run.incomplete_details
        raise SystemExit(f"The run is {run.status}" + (f": {why}" if why else "."))
    answer = client.beta.threads.messages.list(thread_id=thread.id, run_id=run.id, order="asc")
    for message in answer:
        for part in message.content:
            if part.type == "text":
                print(part.text.value)
            elif part.type == "image_file":
                name = f"{part.image_file.file_id}.png"
                client.files.content(part.image_file.file_id).write_to_file(name)
                print(f"Saved {name}")


{% for said, options in turns %}{% for arguments, files in said %}{% if files %}# With {{ files|join:", " }}, stored on this server.
{% endif %}client.beta.threads.messages.create(
    thread_id=thread.id,
{% for argument in arguments %}    {{ argument }}
{% endfor %})
{% endfor %}run({% if options %}
{% for option in options %}    {{ option }}
{% endfor %}{% endif %})
{% if not forloop.last %}
{% endif %}{% endfor %}{% if left_out %}
# {{ thread.id }} goes on with {{ left_out }} more message{{ left_out|pluralize }}.
{% endif %}{% endautoescape %}
