// The page of a thread: what it follows, panels, and the inspector that keeps up.

import "./composer.js";
import { stay } from "./follow.js";
import { all, byId, on } from "./page.js";
import { setCookie } from "./studio.js";
import { activeRun, onChange } from "./stream.js";

const studio = byId("studio");
const inspector = byId("inspect");
const narrow = matchMedia("(width < 720px)");
const medium = matchMedia("(width < 1100px)");

/** A link to a message leads to where it stands, on another page of the thread if it is older. */
const lead = ({ hash }) => byId(hash.slice(1)) ? stay() : location.assign(`?message=${hash.slice(1)}`);

if (location.hash.startsWith("#msg_")) lead(location);
on("click", "[href^='#msg_']", lead);

// --- panels

function setPanel(name) {
	studio.dataset.panel = name;
	for (const tab of all("[data-panel][href]")) tab.ariaCurrent = tab.dataset.panel === name || null;
}

function setOpen(name, open) {
	studio.dataset[name] = open ? "open" : "closed";
	setCookie(name, studio.dataset[name]);
}

on("click", "[data-panel][href]", ({ dataset }, event) => {
	event.preventDefault();
	setPanel(dataset.panel);
});

on("click", "[data-toggle]", ({ dataset: { toggle: name } }) => {
	setOpen(name, studio.dataset[name] === "closed");
	// This button goes, and another comes that does the opposite.
	all(`[data-toggle="${name}"]`).find((button) => button.offsetParent)?.focus();
});

function inspect() {
	if (narrow.matches) setPanel("inspect");
	else if (medium.matches) inspector.showPopover();
	else setOpen("inspect", true);
}

on("click", "[data-opens=inspect]", inspect);

// Whoever asked for it sees it, also where it is a drawer.
if (studio.dataset.panel === "inspect" && medium.matches) inspect();

on("click", "[data-show]", () => {
	stay();
	if (narrow.matches) setPanel("chat");
	else if (medium.matches) inspector.hidePopover();
});

// --- what changes with a run

let refresh, stale;

function renew() {
	refresh = clearTimeout(refresh);
	stale = !inspector.checkVisibility();
	if (stale) return;
	for (const part of all("#inspect [data-refresh]:not(:has(#events-pause:checked) > div *)")) htmx.trigger(part, "refresh");
}

// It may have been out of sight.
new ResizeObserver(() => stale && renew()).observe(inspector);

onChange((html) => {
	byId("log").ariaBusy = Boolean(activeRun());
	byId("empty")?.remove();
	if (html.includes("turn") || byId("events-more")) {
		// What goes on changes often; an end is told at once.
		if (activeRun()) refresh ??= setTimeout(renew, 500);
		else renew();
	}
});
