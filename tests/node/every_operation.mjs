// Every operation of the Assistants API once, with OpenAI's own package for Node.
// OPENAI_BASE_URL and OPENAI_API_KEY say where; it ends with an error at the first answer that is wrong.

import assert from "node:assert/strict";
import { createReadStream, statSync } from "node:fs";
import OpenAI, { toFile } from "openai";

const client = new OpenAI({ maxRetries: 0 });
const { assistants, threads } = client.beta;
const WEATHER = {
  type: "function",
  function: {
    name: "get_weather",
    parameters: { type: "object", properties: { city: { type: "string" } } },
  },
};

await models();
const file = await files();
const assistant = await allOfAssistants();
const thread = await allOfThreads();
await allOfMessages();
await allOfRuns();
await streamedRuns();
await cancelledRun();
await functionCalls();
await vectorStores();
await deletions();
console.log("every operation answered");

async function all(page) {
  const found = [];
  for await (const item of page) found.push(item.id);
  return found;
}

async function models() {
  assert.ok((await all(client.models.list())).includes("demo"));
  assert.equal((await client.models.retrieve("demo")).object, "model");
}

async function files() {
  const content = "Müller lives in Zürich.\nThe tower is 97 metres high.\n";
  const made = await client.files.create({
    file: await toFile(Buffer.from(content), "größe – 塔.txt"),
    purpose: "assistants",
    expires_after: { anchor: "created_at", seconds: 3600 },
  });
  assert.equal(made.filename, "größe – 塔.txt");
  assert.equal(made.expires_at, made.created_at + 3600);
  assert.equal((await client.files.waitForProcessing(made.id)).status, "processed");
  assert.deepEqual(await client.files.retrieve(made.id), made);
  assert.ok((await all(client.files.list({ purpose: "assistants" }))).includes(made.id));
  assert.equal(await (await client.files.content(made.id)).text(), content);
  // A stream, of which nobody knows the length before it has ended.
  const streamed = await client.files.create({ file: createReadStream("README.md"), purpose: "user_data" });
  assert.equal(streamed.bytes, statSync("README.md").size);
  assert.equal((await client.files.delete(streamed.id)).deleted, true);
  return made;
}

async function allOfAssistants() {
  const made = await assistants.create({ model: "demo", name: "Node", tools: [{ type: "code_interpreter" }] });
  assert.deepEqual(await assistants.retrieve(made.id), made);
  const changed = await assistants.update(made.id, { metadata: { from: "node" } });
  assert.deepEqual(changed, { ...made, metadata: { from: "node" } });
  assert.ok((await all(assistants.list({ limit: 1 }))).includes(made.id));
  return changed;
}

async function allOfThreads() {
  const made = await threads.create({ messages: [{ role: "user", content: "What is 6 * 7?" }] });
  assert.equal((await threads.retrieve(made.id)).id, made.id);
  assert.deepEqual((await threads.update(made.id, { metadata: { a: "1" } })).metadata, { a: "1" });
  return made;
}

async function allOfMessages() {
  const made = await threads.messages.create(thread.id, {
    role: "user",
    content: [{ type: "text", text: "And 6 * 8?" }],
    attachments: [{ file_id: file.id, tools: [{ type: "code_interpreter" }] }],
  });
  assert.equal(made.attachments[0].file_id, file.id);
  const place = { thread_id: thread.id };
  assert.deepEqual(await threads.messages.retrieve(made.id, place), made);
  const changed = await threads.messages.update(made.id, { ...place, metadata: { b: "2" } });
  assert.deepEqual(changed.metadata, { b: "2" });
  const listed = await all(threads.messages.list(thread.id, { limit: 1, order: "asc" }));
  assert.equal(listed.at(-1), made.id);
  assert.equal((await threads.messages.delete(made.id, place)).deleted, true);
  assert.equal((await all(threads.messages.list(thread.id))).length, 1);
}

async function allOfRuns() {
  const place = { thread_id: thread.id };
  const made = await threads.runs.create(thread.id, { assistant_id: assistant.id });
  assert.equal(made.status, "queued");
  const ended = await threads.runs.poll(made.id, place);
  assert.equal(ended.status, "completed", JSON.stringify(ended.last_error));
  assert.deepEqual(await threads.runs.retrieve(made.id, place), ended);
  assert.deepEqual((await threads.runs.update(made.id, { ...place, metadata: { c: "3" } })).metadata, { c: "3" });
  assert.deepEqual(await all(threads.runs.list(thread.id)), [made.id]);
  const steps = await all(threads.runs.steps.list(made.id, place));
  assert.ok(steps.length >= 2);
  const step = await threads.runs.steps.retrieve(steps[0], { ...place, run_id: made.id });
  assert.equal(step.step_details.type, "message_creation");
  const polled = await threads.createAndRunPoll({
    assistant_id: assistant.id,
    thread: { messages: [{ role: "user", content: "Hello" }] },
  });
  assert.equal(polled.status, "completed");
  const again = await threads.runs.createAndPoll(polled.thread_id, { assistant_id: assistant.id });
  assert.equal(again.status, "completed");
}

async function streamedRuns() {
  await threads.messages.create(thread.id, { role: "user", content: "What is 6 * 9?" });
  let text = "";
  const stream = threads.runs.stream(thread.id, { assistant_id: assistant.id });
  stream.on("textDelta", (delta) => (text += delta.value ?? ""));
  const run = await stream.finalRun();
  assert.equal(run.status, "completed");
  assert.match(text, /54/);
  const [message] = await stream.finalMessages();
  assert.equal(message.content.at(-1).text.value, text);

  const events = [];
  const asked = { assistant_id: assistant.id, thread: { messages: [{ role: "user", content: "Hello" }] } };
  for await (const { event } of await threads.createAndRun({ ...asked, stream: true })) events.push(event);
  assert.equal(events[0], "thread.created");
  assert.equal(events.at(-1), "thread.run.completed");
  assert.equal((await threads.createAndRunStream(asked).finalRun()).status, "completed");
}

async function cancelledRun() {
  const content = "Run this:\n```python\nimport time\ntime.sleep(60)\n```";
  const run = await threads.createAndRun({
    assistant_id: assistant.id,
    thread: { messages: [{ role: "user", content }] },
  });
  const place = { thread_id: run.thread_id };
  assert.ok(["cancelling", "cancelled"].includes((await threads.runs.cancel(run.id, place)).status));
  assert.equal((await threads.runs.poll(run.id, place)).status, "cancelled");
}

async function functionCalls() {
  const asked = {
    assistant_id: assistant.id,
    tools: [WEATHER],
    tool_choice: { type: "function", function: { name: "get_weather" } },
    thread: { messages: [{ role: "user", content: "How is the weather in Paris?" }] },
  };
  const outputs = (run) =>
    run.required_action.submit_tool_outputs.tool_calls.map((call) => {
      assert.equal(JSON.parse(call.function.arguments).city, "Paris");
      return { tool_call_id: call.id, output: "18 degrees, rain" };
    });

  let run = await threads.createAndRunPoll(asked);
  assert.equal(run.status, "requires_action");
  let place = { thread_id: run.thread_id };
  const queued = await threads.runs.submitToolOutputs(run.id, { ...place, tool_outputs: outputs(run) });
  assert.equal(queued.status, "queued");
  assert.equal((await threads.runs.poll(run.id, place)).status, "completed");

  run = await threads.createAndRunPoll(asked);
  place = { thread_id: run.thread_id };
  const polled = await threads.runs.submitToolOutputsAndPoll(run.id, { ...place, tool_outputs: outputs(run) });
  assert.equal(polled.status, "completed");

  run = await threads.createAndRunPoll(asked);
  place = { thread_id: run.thread_id };
  const stream = threads.runs.submitToolOutputsStream(run.id, { ...place, tool_outputs: outputs(run) });
  assert.equal((await stream.finalRun()).status, "completed");
}

async function vectorStores() {
  const { vectorStores: stores } = client;
  const made = await stores.create({ name: "Towers", metadata: { d: "4" } });
  assert.equal(made.status, "completed");
  const renamed = await stores.update(made.id, {
    name: "High towers",
    expires_after: { anchor: "last_active_at", days: 2 },
  });
  assert.equal(renamed.expires_at, renamed.last_active_at + 2 * 86400);
  assert.equal((await stores.retrieve(made.id)).name, "High towers");
  assert.ok((await all(stores.list({ limit: 1 }))).includes(made.id));

  const place = { vector_store_id: made.id };
  const added = await stores.files.createAndPoll(made.id, { file_id: file.id, attributes: { kind: "tower" } });
  assert.equal(added.status, "completed", JSON.stringify(added.last_error));
  assert.deepEqual(await stores.files.retrieve(file.id, place), added);
  const marked = await stores.files.update(file.id, { ...place, attributes: { kind: "city", floors: 30 } });
  assert.deepEqual(marked.attributes, { kind: "city", floors: 30 });
  assert.deepEqual(await all(stores.files.list(made.id, { filter: "completed" })), [file.id]);
  const parts = [];
  for await (const part of stores.files.content(file.id, place)) parts.push(part.text);
  assert.match(parts.join(""), /97 metres/);
  const found = [];
  for await (const hit of stores.search(made.id, {
    query: "How high is the tower?",
    filters: { type: "gte", key: "floors", value: 30 },
  }))
    found.push(hit);
  assert.equal(found[0].file_id, file.id);
  assert.match(found[0].content[0].text, /97 metres/);
  assert.equal((await stores.files.delete(file.id, place)).deleted, true);

  const notes = ["one", "two"].map((name) => toFile(Buffer.from(`Note ${name}.`), `${name}.txt`));
  const uploaded = await stores.fileBatches.uploadAndPoll(made.id, { files: await Promise.all(notes) });
  assert.equal(uploaded.file_counts.completed, 2);
  const batch = await stores.fileBatches.createAndPoll(made.id, { file_ids: [file.id] });
  assert.equal(batch.status, "completed");
  assert.equal((await stores.fileBatches.retrieve(batch.id, place)).id, batch.id);
  assert.deepEqual(await all(stores.fileBatches.listFiles(batch.id, place)), [file.id]);
  const third = await stores.fileBatches.create(made.id, { file_ids: [file.id] });
  assert.equal((await stores.fileBatches.cancel(third.id, place)).id, third.id);
  const single = await stores.files.uploadAndPoll(made.id, await toFile(Buffer.from("Three."), "three.txt"));
  assert.equal(single.status, "completed");
  assert.equal((await stores.delete(made.id)).deleted, true);
}

async function deletions() {
  assert.equal((await threads.delete(thread.id)).deleted, true);
  assert.equal((await assistants.delete(assistant.id)).deleted, true);
  assert.equal((await client.files.delete(file.id)).deleted, true);
  await assert.rejects(threads.retrieve(thread.id), (error) => error instanceof OpenAI.NotFoundError);
}
