{% autoescape off %}# pip install openai
import os

from openai import OpenAI

client = OpenAI(
    base_url={{ base_url }},
    api_key=os.environ["PLAYGROUND_API_KEY"],
)

assistant = client.beta.assistants.create(
{% for name, value in settings %}    {{ name }}={{ value }},
{% endfor %})
thread = client.beta.threads.create()

for prompt in {{ prompts }}:
    client.beta.threads.messages.create(thread_id=thread.id, role="user", content=prompt)
    run = client.beta.threads.runs.create_and_poll(
        thread_id=thread.id, assistant_id=assistant.id
    )
    print(run.status)

for message in client.beta.threads.messages.list(thread_id=thread.id, order="asc"):
    for part in message.content:
        if part.type == "text":
            print(f"{message.role}: {part.text.value}")
        elif part.type == "image_file":
            image = client.files.content(part.image_file.file_id)
            image.write_to_file(f"{part.image_file.file_id}.png")
{% endautoescape %}
