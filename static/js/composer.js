// The composer: sends without leaving the page, and keeps the draft.

import { all, byId, copyOf, on, say } from "./page.js";
import { activeRun, listen, onChange, show } from "./stream.js";

const form = byId("composer");
const text = byId("draft");
const files = byId("composer-files");
const problem = byId("composer-error");
const key = `draft:${form.dataset.draft}`;

// --- draft

text.value ||= localStorage[key] ?? "";
text.oninput = keep;

function keep() {
	if (text.value) localStorage[key] = text.value;
	else delete localStorage[key];
}

// What began this thread was kept until its page has come.
if (document.querySelector(".said")?.textContent.trim() === localStorage["draft:new"]?.trim()) delete localStorage["draft:new"];

// --- keys

text.onkeydown = (event) => {
	// What was said last comes back.
	if (event.key === "ArrowUp" && !text.value) text.value = all(".msg--user .said").at(-1)?.textContent ?? "";
	if (event.key !== "Enter" || event.shiftKey || event.altKey) return;
	event.preventDefault();
	// Running alone takes the button.
	if (!activeRun() && text.value.trim()) form.requestSubmit(form.querySelector("[value=run]"));
};

addEventListener("keydown", (event) => {
	if (event.key === "Enter" && event.ctrlKey && event.altKey) document.querySelector("[value=outputs]")?.click();
	const free = !document.querySelector("dialog[open], :popover-open, :is(input, select, textarea):focus:not(#draft)");
	if (event.key === "Escape" && free && activeRun()) form.querySelector("[hidden] ~ [value=cancel]")?.click();
});

files.onchange = () => complain("");

// --- sending

let next;

form.onsubmit = (event) => {
	const { submitter } = event;
	const live = "live" in form.dataset;
	if (live || form.dataset.sent) event.preventDefault();
	if (form.dataset.sent) {
		// The stream may be quicker than the answer.
		if (submitter?.value !== form.dataset.sent) next = submitter;
		return;
	}
	// Buttons with their own address leave what is written.
	const apart = submitter?.getAttribute("formaction");
	const said = apart ? "" : submitter?.name === "starter" ? submitter.value : text.value.trim();
	const why = files.querySelector("progress") ? "onItsWay" : files.firstElementChild && !said && "aboutFiles";
	if (why && !apart) {
		event.preventDefault();
		complain(say(why));
		return text.focus();
	}
	// The answer is a page.
	if (!live) return (form.dataset.sent = "yes");
	// form.action is the buttons, by their name.
	const address = apart ?? form.getAttribute("action");
	const message = { address, body: new FormData(form, submitter), said, attached: [] };
	if (said) {
		message.id = newId();
		message.body.append("message_id", message.id);
		message.attached = [...files.children];
		text.value = "";
		files.replaceChildren();
	}
	send(message);
};

/** An id for a message, of the form that the server checks: what is sent once more is known by it. */
const newId = () => crypto.getRandomValues(new Uint8Array(24)).reduce((id, n) => id + (n % 16).toString(16), "msg_");

// Who comes back may send again.
addEventListener("pageshow", () => form.dataset.sent && location.reload());

async function send(message) {
	const { address, body, said, attached } = message;
	if (said) bubble(message);
	complain("");
	form.dataset.sent = body.get("action") ?? "yes";
	try {
		const response = await fetch(address, { method: "POST", body, headers: { "HX-Request": "true" } });
		const answer = await response.text();
		const elsewhere = response.headers.get("HX-Redirect");
		if (elsewhere) await new Promise(() => location.assign(elsewhere));
		if (response.status === 422) {
			text.value ||= said;
			files.append(...attached);
		} else if (!response.ok) throw response;
		sending()?.remove();
		keep();
		// What is wrong may be told in plain text, which may look like HTML.
		if (!response.ok && response.headers.get("Content-Type").startsWith("text/plain")) return complain(answer);
		if (!isKnown(answer)) show(answer);
		listen();
	} catch {
		if (said && sending()) notSent(message);
		else complain(say("notDone"));
	} finally {
		delete form.dataset.sent;
		if (next?.isConnected) form.requestSubmit(next);
		next = null;
	}
}

/** Whether the stream has brought already what the answer tells of. */
function isKnown(html) {
	const begun = [...html.matchAll(/ id="(\w+)" data-into="log"/g)];
	return begun[0] && begun.every(([, id]) => byId(id));
}

function complain(message) {
	problem.className = message && "banner banner--box banner--bad";
	problem.textContent = message;
	// A starter that was pressed goes with its form.
	byId("empty")?.toggleAttribute("hidden", sending());
}

// --- the message that is on its way

const sending = () => byId("sending");

function bubble({ said, id }) {
	const shown = copyOf("sending-template");
	shown.dataset.becomes = id;
	shown.querySelector(".said").append(said);
	byId("log").append(shown);
}

function notSent(message) {
	const shown = sending();
	shown.id = ""; // others may be sent meanwhile
	shown.dataset.state = "failed";
	shown.ariaBusy = null;
	shown.querySelector("button").onclick = () => {
		if (form.dataset.sent) return;
		shown.remove();
		send(message);
	};
}

// --- outputs of functions

// Outlives a reload, not the tab.
on("input", "[name^=output-]", ({ name, value }) => (sessionStorage[name] = value));

function awaitOutputs() {
	for (const box of all("[name^=output-]")) box.value ||= sessionStorage[box.name] ?? "";
	const submit = document.querySelector("[value=outputs]");
	if (submit) submit.disabled = !form.checkValidity();
}

addEventListener("input", awaitOutputs);
awaitOutputs();

// A button that was pressed may go, and the focus with it.
let focused = text;
addEventListener("focusin", ({ target }) => (focused = target.form === form ? target : text));

onChange(() => {
	awaitOutputs();
	if (!focused.isConnected && matchMedia("(pointer: fine)").matches) text.focus();
	for (const one of all("[data-becomes]")) {
		if (!byId(one.dataset.becomes)) continue;
		one.remove();
		keep();
	}
});
