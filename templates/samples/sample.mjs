{% autoescape off %}// npm install openai
import OpenAI from "openai";

const client = new OpenAI({
  baseURL: {{ base_url }},
  apiKey: process.env.PLAYGROUND_API_KEY,
});

const assistant = await client.beta.assistants.create({
{% for name, value in settings %}  {{ name }}: {{ value }},
{% endfor %}});
const thread = await client.beta.threads.create();

for (const prompt of {{ prompts }}) {
  await client.beta.threads.messages.create(thread.id, { role: "user", content: prompt });
  const run = await client.beta.threads.runs.createAndPoll(thread.id, {
    assistant_id: assistant.id,
  });
  console.log(run.status);
}

for await (const message of client.beta.threads.messages.list(thread.id, { order: "asc" })) {
  for (const part of message.content) {
    if (part.type === "text") console.log(`${message.role}: ${part.text.value}`);
  }
}
{% endautoescape %}
