// The page of a shared thread: its stream, images, and messages from before.

import { byId, on } from "./page.js";
import { onChange, show } from "./stream.js";

const page = document.documentElement;
const toEnd = () => scrollTo(0, page.scrollHeight);

// Whoever reads the end goes on reading it.
let following = !location.hash;
addEventListener("scroll", () => (following = page.scrollHeight - scrollY - innerHeight < 40));
if (byId("stream")) {
	onChange((html) => html.includes("data-earlier") || (following && toEnd()));
	new ResizeObserver(() => following && toEnd()).observe(byId("log"));
}

on("htmx:afterRequest", "[data-earlier]", (_, { detail: { successful, xhr } }) => {
	if (!successful) return;
	following = false;
	const below = page.scrollHeight - scrollY;
	show(xhr.responseText);
	scrollTo(0, page.scrollHeight - below);
});
