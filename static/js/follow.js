// Follows the newest text of a thread until its reader scrolls up. A shared page needs no more.

import { byId, on } from "./page.js";
import { onChange, show } from "./stream.js";

const jump = byId("jump");
// Of a shared thread the page itself scrolls.
const scroller = byId("scroller") ?? document.documentElement;
const height = () => jump ? scroller.clientHeight : innerHeight;
let following = !byId(location.hash.slice(1));
let lastTop = 0;

/** Stay where the reader looks. */
export const stay = () => (following = false);

function toEnd() {
	scroller.scrollTop = scroller.scrollHeight;
	lastTop = scroller.scrollTop; // what has shrunk is not a reader who goes up
}

const below = () => scroller.scrollHeight - scroller.scrollTop;
const isAtEnd = () => below() - height() < 8;

/** The way down, with a dot if something came below since the reader went up. */
function offerJump(unread) {
	if (!jump) return;
	jump.hidden = following || isAtEnd();
	const dot = jump.querySelector(".dot");
	dot.hidden = jump.hidden || (dot.hidden && !unread);
}

// What scrolls inside of a page tells it only on the way down to it.
addEventListener("scroll", () => {
	following = isAtEnd() || (following && scroller.scrollTop >= lastTop);
	lastTop = scroller.scrollTop;
	offerJump();
}, true);

const sizes = new ResizeObserver(() => following ? toEnd() : offerJump());
if (jump || byId("stream")) for (const one of [scroller, byId("log"), byId("connection")]) sizes.observe(one);
onChange(() => following || offerJump(true));

on("click", "#jump", () => {
	following = true;
	toEnd();
});

on("submit", "#composer", () => (following = true));

// Older messages, which go above those that are shown.
on("htmx:afterRequest", "[data-earlier]", (_, { detail: { successful, xhr } }) => {
	if (!successful) return;
	stay();
	const before = below();
	show(xhr.responseText);
	scroller.scrollTop = scroller.scrollHeight - before;
});
