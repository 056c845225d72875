// What every page does: theme, dialogs, copying, forms that save themselves, uploads.

import { morph } from "./morph.js";
import { all, byId, focusIn, on, say } from "./page.js";
import "./uploads.js";

const root = document.documentElement;

htmx.defineExtension("morph", {
	isInlineSwap: (style) => style === "morph",
	handleSwap(style, target, { children }) {
		const fresh = style === "morph" && children[target.id];
		if (!fresh) return false;
		const home = document.activeElement.closest("section");
		const shown = [morph(target, fresh)];
		focusIn(home);
		return shown;
	},
});

/** Remember something that the server needs to know before it writes a page. */
export function setCookie(name, value) {
	document.cookie = `${name}=${encodeURIComponent(value)}; path=/; max-age=31536000; samesite=lax`;
}

// --- times as this clock has them

const zone = Intl.DateTimeFormat().resolvedOptions().timeZone;
if (zone !== root.dataset.timezone && !document.cookie.includes(`timezone=${encodeURIComponent(zone)}`)) {
	setCookie("timezone", zone);
	if (document.querySelector("time")) location.reload();
}

// --- theme

addEventListener("theme", ({ detail: { theme } }) => {
	root.dataset.theme = theme;
	for (const button of all("[name=theme]")) button.ariaPressed = button.value === (theme || "system");
});

// --- dialogs

addEventListener("htmx:afterSwap", ({ target }) => target.matches("dialog:not([open])") && target.showModal());

// Browsers of before 2026 do not know the command.
on("click", "[command]", (one) => one.closest("dialog")?.close());
addEventListener("keydown", ({ key, target }) => key === "?" && !target.matches("input, textarea, select") && byId("shortcuts").click());

// --- copying

/** Say something to who cannot see the page. */
const announce = (name) => (byId("announce").textContent = say(name));

on("click", "[data-copy], [data-copy-from]", async (button) => {
	const { copy, copyFrom } = button.dataset;
	const use = button.querySelector("use");
	const before = use.getAttribute("href");
	try {
		const text = copyFrom ? await (await fetch(copyFrom)).text() : copy === "frame" ? button.closest(".code").querySelector("code").textContent : copy || button.href;
		await navigator.clipboard.writeText(text);
		announce("copied");
		use.setAttribute("href", before.replace(/#.*/, "#check"));
		setTimeout(() => use.setAttribute("href", before), 1500);
	} catch {
		announce("notCopied");
	}
});

// --- forms

document.querySelector("form[method=post] [aria-invalid=true]")?.focus();

on("change", "[data-submit]", ({ form }) => form.requestSubmit());

// A number and its slider say the same.
on("input", "[data-number]", (range) => (byId(range.dataset.number).value = range.value));
on("input", "[type=number]", ({ id, value }) => all(`[data-number="${id}"]`).forEach((range) => (range.value = value)));

// --- forms that save themselves

let unsaved = false;

function tell(state, what) {
	const label = byId("assistant-saved");
	label.dataset.state = state;
	label.replaceChildren(what);
}

on("input", "#assistant-form", () => (unsaved = true));
on("submit", "#assistant-form", () => (unsaved = false));

/** Hear what htmx tells of such a form itself. */
const onSaving = (type, listener) => on(`htmx:${type}`, "[data-autosave]", (form, { target, detail }) => target === form && listener(detail, form));

onSaving("configRequest", ({ parameters, triggeringEvent }, form) => {
	// htmx sends the button pressed last with what is saved after it, too: a function would come twice.
	if (triggeringEvent?.type === "submit") return;
	for (const { name } of form.querySelectorAll("button[name]")) delete parameters[name];
	parameters.version = byId("assistant-version").value; // which one of the buttons would replace
});

onSaving("beforeRequest", () => {
	unsaved = false;
	tell("saving", say("saving"));
});

onSaving("afterRequest", ({ successful, xhr: { status } }) => {
	if (successful) return;
	unsaved = true;
	if (status !== 409 && status !== 422) tell("failed", byId("not-saved").content.cloneNode(true));
});

addEventListener("beforeunload", (event) => unsaved && event.preventDefault());
