// What every page does: theme, dialogs, copying, forms that save themselves, uploads.

import { morph } from "./morph.js";
import { all, byId, focusIn, on, say } from "./page.js";
import "./input_methods.js";
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

/** Remember what the server needs to write a page. */
export function setCookie(name, value) {
	document.cookie = `${name}=${encodeURIComponent(value)}; path=/; max-age=31536000; samesite=lax`;
}

// --- times as this clock has them

const zone = Intl.DateTimeFormat().resolvedOptions().timeZone;
if (zone !== root.dataset.timezone && !document.cookie.includes(encodeURIComponent(zone))) {
	setCookie("timezone", zone);
	if (all("time")[0]) location.reload();
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

on("click", "[data-copy], [data-copy-from]", async (button) => {
	const { copy, copyFrom } = button.dataset;
	const { href } = button.querySelector("use");
	const before = href.baseVal;
	let told = "notCopied";
	try {
		const text = copyFrom ? await (await fetch(copyFrom)).text() : copy === "frame" ? button.closest(".code").querySelector("code").textContent : copy || button.href;
		await navigator.clipboard.writeText(text);
		told = "copied";
		href.baseVal = before.replace(/#.*/, "#check");
		setTimeout(() => (href.baseVal = before), 1500);
	} catch {}
	byId("announce").textContent = say(told);
});

// --- forms

document.querySelector("form[method=post] [aria-invalid=true]")?.focus();

on("change", "[data-submit]", ({ form }) => form.requestSubmit());

// A number and its slider say the same.
on("input", ".range input", (one) => ((one.nextElementSibling ?? one.previousElementSibling).value = one.value));

// --- forms that save themselves

// Is anything typed not kept, and newer than what is on its way?
let [unsaved, newer] = all("[data-unsaved]");

on("input", "#assistant-form", () => (unsaved = newer = true));
on("submit", "#assistant-form:not([data-autosave])", () => (unsaved = false));
addEventListener("beforeunload", (event) => unsaved && event.preventDefault());

// The server may be back.
setInterval(() => byId("retry-saving")?.click(), 4000);

function tell(state, what) {
	const label = byId("assistant-saved");
	// That is said once.
	if (label.dataset.state === "failed") return;
	label.dataset.state = state;
	label.replaceChildren(what);
}

/** Hear what htmx tells of such a form itself. */
const onSaving = (type, listener) => on(`htmx:${type}`, "[data-autosave]", (form, { target, detail }) => target === form && listener(detail, form));

onSaving("configRequest", ({ parameters, triggeringEvent }, form) => {
	// htmx sends the button pressed last with what is saved next, too: a function would come twice.
	if (triggeringEvent?.type === "submit") return;
	for (const { name } of form.querySelectorAll("button[name]")) delete parameters[name];
});

onSaving("beforeRequest", () => {
	[unsaved, newer] = [true];
	tell("saving", say("saving"));
});

onSaving("afterRequest", ({ successful, xhr: { status } }) => {
	const kept = successful && status === 200;
	unsaved = newer || !kept;
	byId("setup-unsaved")?.toggleAttribute("hidden", kept);
	if (!successful && status !== 200) tell("failed", byId("not-saved").content.cloneNode(true));
});
