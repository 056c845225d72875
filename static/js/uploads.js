// Files go up at once, with their progress: chosen, dropped or pasted.

import { byId, copyOf, focusIn, on, say } from "./page.js";

const headers = () => JSON.parse(document.body.getAttribute("hx-headers"));

/** Send a form with files. `onPart` hears which part has gone up, `onEnd` the answer and why it was
 * not taken. Returns the request. */
export function post(address, form, onPart, onEnd) {
	const request = new XMLHttpRequest();
	request.upload.onprogress = ({ loaded, total }) => onPart(loaded / total);
	request.onloadend = () => {
		const { status, responseText } = request;
		const why = { 0: say("notSent"), 201: "", 413: say("tooLarge") }[status];
		onEnd(responseText, why ?? (responseText.slice(0, 200) || say("refused")));
	};
	request.open("POST", address);
	for (const header of Object.entries(headers())) request.setRequestHeader(...header);
	request.send(form);
	return request;
}

/** Let files be dropped on an area. `hint` hears whether some are held over it. Where nothing takes
 * them, the pointer says so, and nothing happens. */
export function onDrop(area, hint, take) {
	for (const type of ["dragover", "dragleave", "drop"]) {
		area.addEventListener(type, (event) => {
			const { dataTransfer, relatedTarget, target } = event;
			// An area within may have taken them.
			if (event.defaultPrevented || !dataTransfer.types.includes("Files") || target.type === "file") return;
			event.preventDefault();
			if (!take) return (dataTransfer.dropEffect = "none");
			hint(type === "dragover" || area.contains(relatedTarget));
			if (type === "drop") take(dataTransfer);
		});
	}
}

addEventListener("change", (event) => {
	const input = event.target;
	if (!input.matches("[data-upload]")) return;
	// The form's listeners wait for the list to change.
	event.stopPropagation();
	upload(input, input.files);
	// The same file can be chosen again.
	input.value = "";
}, true);

on("click", "[data-remove]", ({ dataset: { discard, remove } }, event) => {
	event.preventDefault();
	const item = byId(remove);
	const list = item.parentElement;
	item.dispatchEvent(new Event("cancel"));
	// What was never sent goes from the server too.
	if (discard) fetch(discard, { method: "POST", headers: headers() }).catch(() => {});
	item.remove();
	focusIn(list.firstElementChild ? list : list.closest("section, form"));
	changed(list);
});

const attach = document.querySelector("#composer [data-upload]");

// Wherever they fall: the browser would leave the page for the file.
onDrop(document, (over) => (byId("drop-hint").hidden = !over), attach && (({ files }) => upload(attach, files)));

on("paste", "#composer", (_, event) => {
	const { files } = event.clipboardData;
	if (!files.length) return;
	event.preventDefault();
	upload(attach, files);
});

/** Send files to the input's address, each an item in its list. */
function upload({ dataset }, files) {
	for (const file of files) send(dataset.upload, file, byId(dataset.list));
}

function send(address, file, list) {
	const item = copyOf("upload-item");
	const [name, meta, button, again, progress, error] = ["bdi", ".file__meta", "button", "[data-again]", "progress", "p"].map((one) => item.querySelector(one));
	item.classList.toggle("file--chip", list.id === "composer-files");
	item.id = button.dataset.remove = `upload-${Math.random()}`;
	name.append(file.name || "pasted.png");
	button.ariaLabel = say("cancelUpload", file);
	progress.ariaLabel = say("uploading", file);
	list.append(item);
	const form = new FormData();
	form.append("file", file, name.textContent);
	const request = post(address, form, (part) => {
		progress.value = part;
		meta.textContent = `${Math.floor(100 * part)} %`;
	}, (answer, why) => {
		if (!why) {
			item.outerHTML = answer;
			return changed(list);
		}
		progress.remove();
		meta.remove();
		error.append(why);
		again.hidden = why !== say("notSent");
		again.onclick = () => {
			item.remove();
			send(address, file, list);
		};
		button.textContent = button.ariaLabel = say("remove");
	});
	item.addEventListener("cancel", () => request.abort());
}

function changed(list) {
	htmx.process(list);
	list.dispatchEvent(new Event("change", { bubbles: true }));
}
