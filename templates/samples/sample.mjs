{% autoescape off %}// npm install openai
import { writeFile } from "node:fs/promises";
import OpenAI from "openai";

const client = new OpenAI({
  baseURL: {{ base_url }},
  apiKey: process.env.PLAYGROUND_API_KEY,
});

// Makes another assistant like {{ assistant.id }}.
const assistant = await client.beta.assistants.create({{ settings }});
const thread = await client.beta.threads.create({{ resources }});
{% if outputs %}
// What functions were answered on the thread, in order; the last output of each stays.
{% for name in without_output %}// {{ name }} was not answered there: put its output here.
{% endfor %}const outputs = {{ outputs }};

// What is answered to a call; a program of yours would work it out from the arguments.
function outputOf({ name, arguments: given }) {
  console.log(`${name}(${given})`);
  if (!Object.hasOwn(outputs, name)) {
    throw new Error(`${name} has no output.`);
  }
  return outputs[name].length > 1 ? outputs[name].shift() : outputs[name][0];
}
{% endif %}
// Runs the assistant on the thread, prints its answer and saves its images.
async function run({% if has_options %}options = {}{% endif %}) {
  {% if outputs %}let{% else %}const{% endif %} run = await client.beta.threads.runs.createAndPoll(thread.id, {
    assistant_id: assistant.id,{% if has_options %}
    ...options,{% endif %}
  });
{% if outputs %}  while (run.status === "requires_action") {
    const calls = run.required_action.submit_tool_outputs.tool_calls;
    run = await client.beta.threads.runs.submitToolOutputsAndPoll(run.id, {
      thread_id: thread.id,
      tool_outputs: calls.map((call) => ({
        tool_call_id: call.id,
        output: outputOf(call.function),
      })),
    });
  }
{% endif %}  if (run.status !== "completed") {
    const why = run.last_error?.message ?? run.incomplete_details?.reason;
    throw new Error(`The run is ${run.status}${why ? `: ${why}` : "."}`);
  }
  const answer = client.beta.threads.messages.list(thread.id, { run_id: run.id, order: "asc" });
  for await (const message of answer) {
    for (const part of message.content) {
      if (part.type === "text") {
        console.log(part.text.value);
      } else if (part.type === "image_file") {
        const name = `${part.image_file.file_id}.png`;
        const image = await client.files.content(part.image_file.file_id);
        await writeFile(name, Buffer.from(await image.arrayBuffer()));
        console.log(`Saved ${name}`);
      }
    }
  }
}

{% for said, options in turns %}{% for body, files in said %}{% if files %}// With {{ files|join:", " }}, stored on this server.
{% endif %}await client.beta.threads.messages.create(thread.id, {{ body }});
{% endfor %}await run({{ options }});
{% if not forloop.last %}
{% endif %}{% endfor %}{% if left_out %}
// {{ thread.id }} goes on with {{ left_out }} more message{{ left_out|pluralize }}.
{% endif %}{% endautoescape %}
