// Files of a vector store go up in groups, with one progress for all: chosen, dropped, whole folders.

import { say } from "./words.js";

const { htmx } = window;
const GROUP_FILES = 50;
const GROUP_BYTES = 8 * 1024 * 1024;
const SHOWN = 20;

const form = document.getElementById("store-upload");
const sending = document.getElementById("store-sending");
const [told, progress] = [sending.querySelector("span"), sending.querySelector("progress")];
const refusals = document.getElementById("store-refused");
const area = document.getElementById("main");
const waiting = [];
let [total, done, request, refused] = [0, 0, null, []];

form.addEventListener("change", ({ target }) => {
	add([...target.files]);
	// Emptied, so that the same file can be chosen again.
	target.value = "";
});

area.addEventListener("dragover", (event) => {
	if (!event.dataTransfer.types.includes("Files")) return;
	event.preventDefault();
	form.classList.add("store-upload--over");
});

area.addEventListener("dragleave", (event) => {
	if (!area.contains(event.relatedTarget)) form.classList.remove("store-upload--over");
});

area.addEventListener("drop", async (event) => {
	form.classList.remove("store-upload--over");
	if (!event.dataTransfer.types.includes("Files")) return;
	event.preventDefault();
	// They are gone once this handler has waited for anything.
	const items = [...event.dataTransfer.items].filter((item) => item.kind === "file");
	const dropped = items.map((item) => [item.webkitGetAsEntry(), item.getAsFile()]);
	const found = [];
	for (const [entry, file] of dropped) {
		if (entry) await walk(entry, found);
		else found.push(file);
	}
	add(found);
});

sending.querySelector("button").addEventListener("click", () => {
	waiting.length = 0;
	request?.abort();
});

/** All files below an entry. */
async function walk(entry, found) {
	if (entry.isFile) {
		found.push(await new Promise((resolve, reject) => entry.file(resolve, reject)));
		return;
	}
	const reader = entry.createReader();
	for (;;) {
		// A hundred at a time, until there are none.
		const some = await new Promise((resolve, reject) => reader.readEntries(resolve, reject));
		if (!some.length) return;
		for (const inner of some) await walk(inner, found);
	}
}

function add(files) {
	if (!files.length) return;
	waiting.push(...files);
	if (total) {
		total += files.length;
		return;
	}
	[total, done, refused] = [files.length, 0, []];
	refusals.replaceChildren();
	sendAll();
}

async function sendAll() {
	sending.hidden = false;
	while (waiting.length) {
		const group = nextGroup();
		tell(done);
		const problem = await send(group, (part) => tell(done + part * group.length));
		if (problem) refused.push(...group.map((file) => `${file.name} ${problem}`));
		done += group.length;
		htmx.ajax("GET", form.dataset.files, { target: "#store-files", swap: "morph" });
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

/** Why none of the group was taken, or nothing. */
function send(group, onPart) {
	return new Promise((resolve) => {
		request = new XMLHttpRequest();
		request.upload.addEventListener("progress", (event) => onPart(event.loaded / event.total));
		request.addEventListener("load", () => {
			if (request.status === 201) {
				refused.push(...request.responseText.split("\n").filter(Boolean));
				resolve("");
			} else {
				resolve(request.status === 413 ? say("tooLarge") : say("notAdded", { why: request.responseText.slice(0, 200) }));
			}
		});
		request.addEventListener("error", () => resolve(say("notSent")));
		request.addEventListener("abort", () => resolve(say("stopped")));
		request.open("POST", `${form.action}?scripted`);
		request.setRequestHeader("X-CSRFToken", JSON.parse(document.body.getAttribute("hx-headers"))["X-CSRFToken"]);
		const body = new FormData();
		for (const file of group) body.append("files", file, file.name);
		request.send(body);
	});
}

function tell(count) {
	progress.value = count / total;
	told.textContent = say("uploaded", { count: Math.floor(count).toLocaleString(), total: total.toLocaleString() });
}

function showRefused() {
	const shown = refused.slice(0, SHOWN);
	if (refused.length > SHOWN) shown.push(say("more", { count: refused.length - SHOWN }));
	refusals.replaceChildren(...shown.map((text) => {
		const item = document.createElement("li");
		item.textContent = text;
		return item;
	}));
}
