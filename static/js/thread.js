// The page of a thread: scrolling, panels, and the inspector that keeps up.

import "./composer.js";
import { all, byId, on } from "./page.js";
import { setCookie } from "./studio.js";
import { activeRun, onChange, show } from "./stream.js";

const studio = byId("studio");
const scroller = byId("scroller");
const log = byId("log");
const jump = byId("jump");
const inspector = byId("inspect");
const narrow = matchMedia("(width < 720px)");
const medium = matchMedia("(width < 1100px)");

// --- following the newest text, until the reader scrolls up

let following = true;
let lastTop = 0;

const toEnd = () => (scroller.scrollTop = scroller.scrollHeight);
const isAtEnd = () => scroller.scrollHeight - scroller.scrollTop - scroller.clientHeight < 8;

/** The way down, with a dot when something was written below since the reader went up. */
function offerJump(unread) {
	jump.hidden = following || isAtEnd();
	const dot = jump.querySelector(".dot");
	dot.hidden = jump.hidden || (dot.hidden && !unread);
}

scroller.addEventListener("scroll", () => {
	following = isAtEnd() || (following && scroller.scrollTop >= lastTop);
	lastTop = scroller.scrollTop;
	offerJump();
});

new ResizeObserver(() => {
	if (following) toEnd();
	else offerJump();
}).observe(log);

jump.addEventListener("click", () => {
	following = true;
	toEnd();
});

byId("composer").addEventListener("submit", () => (following = true));

// A link to a message leads to where it stands, on another page of the thread if it is older.
const linked = location.hash.slice(1);
if (byId(linked)) following = false;
else if (linked.startsWith("msg_")) location.replace(`?message=${linked}`);
else toEnd();

on("click", "[href^='#msg_']", ({ hash }) => byId(hash.slice(1)) ? (following = false) : location.assign(`?message=${hash.slice(1)}`));

// Older messages, which go above those that are shown.
on("htmx:afterRequest", "[data-earlier]", (_, { detail: { successful, xhr } }) => {
	if (!successful) return;
	following = false;
	const below = scroller.scrollHeight - scroller.scrollTop;
	show(xhr.responseText);
	scroller.scrollTop = scroller.scrollHeight - below;
});

// --- panels

function setPanel(name) {
	studio.dataset.panel = name;
	for (const tab of all("[data-panel][href]")) tab.ariaCurrent = tab.dataset.panel === name ? "true" : null;
	if (name === "chat" && following) toEnd();
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

on("click", "[data-opens=inspect]", () => {
	if (narrow.matches) setPanel("inspect");
	else if (medium.matches) inspector.showPopover();
	else setOpen("inspect", true);
});

// Whoever asked for a view of the inspector sees it, also where it is a drawer.
if (studio.dataset.panel === "inspect" && medium.matches && !narrow.matches) inspector.showPopover();

on("click", "[data-show]", () => {
	following = false;
	if (narrow.matches) setPanel("chat");
	else if (medium.matches) inspector.hidePopover();
});

// --- what changes with a run

let refresh, stale;

function renew() {
	refresh = clearTimeout(refresh);
	stale = !inspector.checkVisibility();
	if (stale) return;
	for (const part of all("[data-refresh]:not(:has(#events-pause:checked) > div *)", inspector)) window.htmx.trigger(part, "refresh");
}

// It may have been out of sight.
new ResizeObserver(() => stale && renew()).observe(inspector);

onChange((html) => {
	if (!following) offerJump(true);
	log.ariaBusy = Boolean(activeRun());
	byId("empty")?.remove();
	if (html.includes("turn") || inspector.querySelector("#events-more")) {
		// What goes on changes often; an end is told at once.
		if (activeRun()) refresh ??= setTimeout(renew, 500);
		else renew();
	}
});
