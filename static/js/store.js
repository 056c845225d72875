// Files of a vector store go up in groups, with one progress for all: chosen, dropped, whole folders.

import { byId, say } from "./page.js";
import { onDrop, post } from "./uploads.js";

const GROUP_FILES = 50;
const GROUP_BYTES = 8 * 1024 * 1024;
const SHOWN = 20;

const form = byId("store-upload");
const sending = byId("store-sending");
const [progress, told, stop] = sending.children;
const waiting = [];
let [total, done, request, refused, stopped] = [0, 0, null, [], false];

form.onchange = ({ target }) => {
	add([...target.files]);
	// Emptied, so that the same file can be chosen again.
	target.value = "";
};

onDrop(byId("main"), (over) => form.classList.toggle("store-upload--over", over), async ({ items }) => {
	// They are gone once this handler has waited for anything.
	const dropped = [...items].map((item) => item.webkitGetAsEntry() ?? item.getAsFile()).filter(Boolean);
	add((await Promise.all(dropped.map(filesIn))).flat());
});

stop.onclick = () => {
	stopped = true;
	waiting.length = 0;
	request?.abort();
};

/** A file, or all files below a folder. */
async function filesIn(entry) {
	const ask = (of, what) => new Promise((resolve, reject) => of[what](resolve, reject));
	if (entry instanceof File) return entry;
	if (entry.isFile) return Object.assign(await ask(entry, "file"), { path: entry.fullPath });
	const [reader, found] = [entry.createReader(), []];
	for (;;) {
		// A hundred at a time, until there are none.
		const some = await ask(reader, "readEntries");
		if (!some.length) return found.flat();
		found.push(...(await Promise.all(some.map(filesIn))));
	}
}

function add(files) {
	waiting.push(...files);
	if (total) total += files.length;
	else if (files.length) sendAll();
}

async function sendAll() {
	[total, done, refused, stopped] = [waiting.length, 0, [], false];
	showRefused();
	sending.hidden = false;
	while (waiting.length) {
		await send(nextGroup());
		htmx.ajax("GET", form.dataset.files, { source: "#store-files", swap: "morph" });
	}
	sending.hidden = true;
	total = 0;
	showRefused();
}

function nextGroup() {
	let [count, bytes] = [0, 0];
	do bytes += waiting[count++].size;
	while (count < Math.min(GROUP_FILES, waiting.length) && bytes + waiting[count].size <= GROUP_BYTES);
	return waiting.splice(0, count);
}

function send(group) {
	tell(done);
	const body = new FormData();
	for (const file of group) {
		body.append("files", file);
		body.append("folders", (file.path ?? file.webkitRelativePath).replace(/\/?[^/]*$/, ""));
	}
	return new Promise((resolve) => {
		request = post(`${form.action}?scripted`, body, (part) => tell(done + part * group.length), (answer, why) => {
			const problem = why && (stopped ? say("stopped") : why);
			refused.push(...(problem ? group.map(({ name }) => `${name}: ${problem}`) : answer.split("\n").filter(Boolean)));
			done += group.length;
			resolve();
		});
	});
}

function tell(count) {
	progress.value = count / total;
	told.textContent = say("uploaded", { count: Math.floor(count).toLocaleString(), total: total.toLocaleString() });
}

function showRefused() {
	const shown = refused.slice(0, SHOWN);
	if (refused.length > SHOWN) shown.push(say("more", { count: refused.length - SHOWN }));
	byId("store-refused").replaceChildren(...shown.map((textContent) => Object.assign(document.createElement("li"), { textContent })));
}
