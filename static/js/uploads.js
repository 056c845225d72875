// Files go up at once, one by one, with their progress: chosen, dropped or pasted.

import { say } from "./words.js";

const { htmx } = window;

addEventListener("change", (event) => {
	const input = event.target;
	if (!input.matches("[data-upload]")) return;
	// The form's own listeners wait for the files' list to change.
	event.stopPropagation();
	upload(input, input.files);
	// Emptied, so that the same file can be chosen again.
	input.value = "";
}, true);

document.addEventListener("click", (event) => {
	const button = event.target.closest("[data-remove]");
	if (!button) return;
	event.preventDefault();
	const item = document.getElementById(button.dataset.remove);
	const list = item.parentElement;
	item.dispatchEvent(new Event("cancel"));
	// What was never sent goes from the server too; if it does not answer, the file stays on its page.
	const { discard } = button.dataset;
	if (discard) fetch(discard, { method: "POST", headers: headers() }).catch(() => {});
	item.remove();
	changed(list);
});

for (const area of document.querySelectorAll("[data-drop]")) {
	const hint = document.getElementById("drop-hint");
	area.addEventListener("dragover", (event) => {
		if (!event.dataTransfer.types.includes("Files")) return;
		event.preventDefault();
		hint.hidden = false;
	});
	area.addEventListener("dragleave", (event) => {
		if (!area.contains(event.relatedTarget)) hint.hidden = true;
	});
	area.addEventListener("drop", (event) => {
		hint.hidden = true;
		if (!event.dataTransfer.files.length) return;
		event.preventDefault();
		upload(composerInput(), event.dataTransfer.files);
	});
}

document.addEventListener("paste", (event) => {
	const files = event.clipboardData?.files;
	if (!files?.length || !event.target.closest?.("#composer")) return;
	event.preventDefault();
	upload(composerInput(), files);
});

const composerInput = () => document.querySelector("#composer [data-upload]");

/** Send files to the input's address, each with an item in the input's list. */
function upload(input, files) {
	const list = document.getElementById(input.dataset.list);
	for (const file of files) send(input.dataset.upload, file, list);
}

function send(address, file, list) {
	const item = waiting(file, list);
	const meta = item.querySelector(".file__meta");
	const request = new XMLHttpRequest();
	item.addEventListener("cancel", () => request.abort());
	request.upload.addEventListener("progress", ({ loaded, total }) => {
		item.querySelector("progress").value = loaded / total;
		meta.textContent = `${Math.floor((100 * loaded) / total)} %`;
	});
	request.addEventListener("load", () => {
		if (request.status !== 201) return failed(item, request.status === 413 ? say("tooLarge") : request.responseText);
		item.outerHTML = request.responseText;
		changed(list);
	});
	request.addEventListener("error", () => failed(item, say("notSent")));
	request.open("POST", address);
	for (const [name, value] of Object.entries(headers())) request.setRequestHeader(name, value);
	const body = new FormData();
	body.append("file", file, file.name || "pasted.png");
	request.send(body);
}

function headers() {
	return JSON.parse(document.body.getAttribute("hx-headers"));
}

function waiting(file, list) {
	const item = document.getElementById("upload-item").content.firstElementChild.cloneNode(true);
	const button = item.querySelector("button");
	item.classList.toggle("file--chip", list.id === "composer-files");
	item.id = button.dataset.remove = `upload-${Math.random()}`;
	item.querySelector("bdi").textContent = file.name || "pasted.png";
	button.ariaLabel = say("cancelUpload", file);
	item.querySelector("progress").ariaLabel = say("uploading", file);
	list.append(item);
	return item;
}

function failed(item, why) {
	item.dataset.state = "failed";
	item.querySelector("progress").remove();
	item.querySelector(".file__meta").textContent = why || say("refused");
	item.querySelector("button").textContent = say("remove");
}

function changed(list) {
	htmx.process(list);
	list.dispatchEvent(new Event("change", { bubbles: true }));
}
