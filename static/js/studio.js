// What every page does: theme, dialogs, copying, forms that save themselves, uploads.

import { morph } from "./morph.js";
import "./uploads.js";
import { say } from "./words.js";

const root = document.documentElement;
const { htmx } = window;

htmx.defineExtension("morph", {
	isInlineSwap: (style) => style === "morph",
	handleSwap(style, target, fragment) {
		if (style !== "morph") return false;
		const fresh = [...fragment.children].find((child) => child.id === target.id);
		return fresh ? [morph(target, fresh)] : false;
	},
});

/** Say something to who cannot see the page. */
function announce(text) {
	document.getElementById("announce").textContent = text;
}

/** Remember something that the server needs to know before it writes a page. */
export function setCookie(name, value) {
	document.cookie = `${name}=${encodeURIComponent(value)}; path=/; max-age=31536000; samesite=lax`;
}

// --- times as this clock has them

const zone = Intl.DateTimeFormat().resolvedOptions().timeZone;
if (zone && zone !== root.dataset.timezone && !document.cookie.includes(`timezone=${encodeURIComponent(zone)}`)) {
	setCookie("timezone", zone);
	if (document.querySelector("time") && document.cookie.includes("timezone=")) location.reload();
}

// --- theme

document.addEventListener("theme", ({ detail }) => {
	if (detail.theme) root.dataset.theme = detail.theme;
	else delete root.dataset.theme;
	for (const button of document.querySelectorAll("[name=theme]")) {
		button.ariaPressed = String(button.value === (detail.theme || "system"));
	}
});

// --- dialogs

document.addEventListener("htmx:afterSwap", ({ target }) => {
	if (target.matches("dialog") && !target.open) target.showModal();
});

document.addEventListener("click", (event) => {
	const { target } = event;
	if (target.matches("dialog") || target.closest("[data-close]")) target.closest("dialog")?.close();
});

// --- copying

document.addEventListener("click", async ({ target }) => {
	const button = target.closest("[data-copy], [data-copy-from]");
	if (!button) return;
	const { copy, copyFrom } = button.dataset;
	try {
		const text = copyFrom ? await (await fetch(copyFrom)).text() : copy === "frame" ? button.closest(".code").querySelector("code").textContent : copy || button.href;
		await navigator.clipboard.writeText(text);
	} catch {
		announce(say("notCopied"));
		return;
	}
	announce(say("copied"));
	const use = button.querySelector("use");
	const before = use.getAttribute("href");
	use.setAttribute("href", before.replace(/#.*/, "#check"));
	setTimeout(() => use.setAttribute("href", before), 1500);
});

// --- forms

document.querySelector("[aria-invalid='true']")?.focus();

document.addEventListener("change", ({ target }) => {
	if (target.matches("[data-submit]")) target.form.requestSubmit();
});

let unsaved = false;

document.addEventListener("input", ({ target }) => {
	if (target.form?.matches("[data-autosave]")) unsaved = true;
	const number = document.getElementById(target.dataset.number);
	if (number) number.value = target.value;
	const range = target.id && document.querySelector(`[data-number="${target.id}"]`);
	if (range) range.value = target.value;
});

function savingOf(event) {
	return event.target.matches?.("[data-autosave]") && document.getElementById("assistant-saved");
}

// htmx sends the button that was pressed last with everything that is saved after it, too: a
// function would be added twice.
document.addEventListener("htmx:configRequest", ({ detail: { elt, parameters, triggeringEvent } }) => {
	if (!elt.matches("[data-autosave]") || triggeringEvent?.type === "submit") return;
	for (const { name } of elt.querySelectorAll("button[name]")) delete parameters[name];
});

document.addEventListener("htmx:beforeRequest", (event) => {
	const label = savingOf(event);
	if (!label) return;
	unsaved = false;
	label.dataset.state = "saving";
	label.textContent = say("saving");
});

document.addEventListener("htmx:afterRequest", (event) => {
	const label = savingOf(event);
	if (!label || event.detail.successful) return;
	unsaved = true;
	if ([409, 422].includes(event.detail.xhr.status)) return;
	label.dataset.state = "failed";
	label.replaceChildren(document.getElementById("not-saved").content.cloneNode(true));
});

addEventListener("beforeunload", (event) => {
	if (unsaved) event.preventDefault();
});
