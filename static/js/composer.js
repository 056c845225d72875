// The composer: sends without leaving the page, keeps the draft, and never sends a word that an
// input method is still composing.

import { all, byId, on, say } from "./page.js";
import { activeRun, listen, onChange, show } from "./stream.js";

const form = byId("composer");
const text = byId("draft");
const files = byId("composer-files");
const problem = byId("composer-error");
const key = `draft:${form.dataset.draft}`;

// --- draft

text.value ||= localStorage[key] ?? "";
text.addEventListener("input", keep);

function keep() {
	if (text.value) localStorage[key] = text.value;
	else delete localStorage[key];
}

// What began this thread was kept until its page has come.
const first = document.querySelector(".said")?.textContent.trim();
if (first === localStorage["draft:new"]?.trim()) delete localStorage["draft:new"];

// --- keys

let composing = false;
text.addEventListener("compositionstart", () => (composing = true));
// Some browsers end the composition just before they tell of the Enter that ended it.
text.addEventListener("compositionend", () => setTimeout(() => (composing = false)));

text.addEventListener("keydown", (event) => {
	// What was said last comes back, to be said otherwise.
	if (event.key === "ArrowUp" && !text.value) text.value = all(".msg--user .said").at(-1)?.textContent ?? "";
	const sends = event.key === "Enter" && !event.shiftKey && !event.altKey;
	if (!sends || composing || event.isComposing || event.keyCode === 229) return;
	event.preventDefault();
	// Nothing is sent by Enter but what was written: running alone takes the button.
	if (!activeRun() && text.value.trim()) form.requestSubmit(form.querySelector("[value=run]"));
});

addEventListener("keydown", (event) => {
	if (event.key === "Enter" && event.ctrlKey && event.altKey) document.querySelector("[value=outputs]")?.click();
	const free = !event.isComposing && !document.querySelector("dialog[open], :popover-open");
	if (event.key === "Escape" && free && activeRun()) form.querySelector("[hidden] ~ [value=cancel]")?.click();
});

files.addEventListener("change", () => complain(""));

// --- sending

let next = null;

form.addEventListener("submit", (event) => {
	const button = event.submitter;
	const live = "live" in form.dataset;
	if (live || form.dataset.sent) event.preventDefault();
	if (form.dataset.sent) {
		// What the stream brings is seen before the answer comes.
		if (button?.value !== form.dataset.sent) next = button;
		return;
	}
	// Buttons with an address of their own, and the one that runs again, leave alone what is written.
	const address = button?.getAttribute("formaction");
	const apart = address || button?.value === "again";
	const said = apart ? "" : button?.name === "starter" ? button.value : text.value.trim();
	const why = apart || !files.firstElementChild ? "" :
		files.querySelector("progress") ? say("onItsWay") :
		said ? "" : say("aboutFiles");
	if (why) {
		event.preventDefault();
		complain(why);
		return text.focus();
	}
	if (!live) {
		// A new thread: the answer is its page.
		form.dataset.sent = "yes";
		return;
	}
	const body = new FormData(form, button);
	const attached = said ? [...files.children] : [];
	if (said) {
		bubble(said);
		text.value = "";
		files.replaceChildren();
	}
	// Not form.action: the buttons are named "action" and stand in its place.
	send(address ?? form.getAttribute("action"), body, said, attached);
});

// Who comes back to this page may send again.
addEventListener("pageshow", () => delete form.dataset.sent);

async function send(address, body, said, attached) {
	complain("");
	form.dataset.sent = body.get("action") ?? "yes";
	try {
		const response = await fetch(address, { method: "POST", body, headers: { "HX-Request": "true" } });
		const html = await response.text();
		const elsewhere = response.headers.get("HX-Redirect");
		if (elsewhere) location.assign(elsewhere);
		if (response.status === 422) {
			text.value ||= said;
			files.append(...attached);
			complain(html);
		} else if (!response.ok) {
			throw response;
		}
		sending()?.remove();
		keep();
		if (!response.ok) return;
		if (!isKnown(html)) show(html);
		listen();
	} catch {
		if (said) notSent(address, body, said, attached);
		else complain(say("notDone"));
	} finally {
		delete form.dataset.sent;
		if (next?.isConnected) form.requestSubmit(next);
		next = null;
	}
}

/** Whether the stream has brought already what the answer tells of, and maybe its end since. */
function isKnown(html) {
	const begun = [...html.matchAll(/ id="(\w+)" data-into="log"/g)];
	return begun.length > 0 && begun.every(([, id]) => byId(id));
}

function complain(message) {
	const line = Object.assign(document.createElement("p"), { className: "banner banner--box banner--bad", textContent: message });
	problem.replaceChildren(...(message ? [line] : []));
}

// --- the message that is on its way

const sending = () => byId("sending");

function bubble(said) {
	sending()?.remove();
	const message = byId("sending-template").content.firstElementChild.cloneNode(true);
	message.id = "sending";
	message.querySelector(".said").textContent = said;
	byId("log").append(message);
}

function notSent(address, body, said, attached) {
	const message = sending();
	message.dataset.state = "failed";
	message.ariaBusy = null;
	message.querySelector("[data-failed]").hidden = false;
	message.querySelector("button").addEventListener("click", () => {
		if (form.dataset.sent) return;
		bubble(said);
		send(address, body, said, attached);
	});
}

// --- outputs of functions

// What was filled in outlives a reload, not the browser's tab.
on("input", "[name^=output-]", ({ name, value }) => (sessionStorage[name] = value));

function awaitOutputs() {
	for (const box of all("[name^=output-]")) box.value ||= sessionStorage[box.name] ?? "";
	const submit = document.querySelector("[value=outputs]");
	if (submit) submit.disabled = !form.checkValidity();
}

addEventListener("input", awaitOutputs);
awaitOutputs();

// A button that was pressed may go, and the keyboard's focus with it.
let focused = text;
addEventListener("focusin", ({ target }) => (focused = target.form === form ? target : text));

// The stream may bring the message before the answer to its sending does.
onChange((html) => {
	awaitOutputs();
	if (!focused.isConnected && document.activeElement === document.body && matchMedia("(pointer: fine)").matches) text.focus();
	if (html.includes("msg--user")) sending()?.remove();
});
