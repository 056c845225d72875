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


def run({% if has_options %}**options{% endif %}):
    """Run the assistant on the thread, print its answer and save its images."""
    run = client.beta.threads.runs.create_and_poll({% if has_options %}
        thread_id=thread.id, assistant_id=assistant.id, **options
    ){% else %}thread_id=thread.id, assistant_id=assistant.id){% endif %}
    if run.status != "completed":
        raise SystemExit(f"The run is {run.status}: {run.last_error or run.incomplete_details}")
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
