// Listens to a thread while its page is looked at. The browser itself reconnects, and names the last
// frame that it got.

import { place } from "./morph.js";
import { all, byId, on, say } from "./page.js";

const RETRY_MS = 2000;
const AWAY_MS = 4000;
const listeners = [];
let source;

/** Call `listener` with the HTML of every change, after the page shows it. */
export const onChange = (listener) => listeners.push(listener);

/** Show some HTML as if the stream had brought it. */
export function show(html) {
	place(html);
	for (const listener of listeners) listener(html);
}

/** The id of the run that is active, or empty. */
export const activeRun = () => byId("composer-actions")?.dataset.active;

/** Begin to listen, if nobody does yet. */
export function listen() {
	const thread = byId("stream");
	if (!thread || document.hidden || source) return;
	source = new EventSource(`${thread.dataset.src}?after=${thread.dataset.after}`);
	source.onopen = () => broken(false);
	source.onmessage = ({ data, lastEventId }) => {
		show(data);
		thread.dataset.after = lastEventId;
	};
	source.addEventListener("close", stop);
	source.addEventListener("gone", () => location.reload());
	source.onerror = () => {
		broken(true);
		if (source?.readyState !== EventSource.CLOSED) return;
		stop();
		setTimeout(listen, RETRY_MS);
	};
}

function stop() {
	source?.close();
	source = null;
}

const broken = (is) => (byId("connection").hidden = !is);

// A tab that nobody looks at leaves its connection, of which a browser has six, to the others.
let away;
document.addEventListener("visibilitychange", () => {
	clearTimeout(away);
	if (document.hidden) away = setTimeout(stop, AWAY_MS);
	else listen();
});

addEventListener("pagehide", stop);
// Who deletes the thread goes where the answer leads.
on("submit", "dialog form:not([hx-post])", stop);
addEventListener("pageshow", listen);

listen();

// --- how long a run takes, and what is left of its time

setInterval(() => {
	for (const clock of all("[data-since], [data-until]")) {
		const { since, until } = clock.dataset;
		const seconds = Math.max(0, since ? Date.now() / 1000 - since : until - Date.now() / 1000);
		clock.textContent = seconds < 60 ? say("seconds", { seconds: seconds.toFixed(1) }) : say("minutes", { minutes: Math.floor(seconds / 60), seconds: Math.floor(seconds % 60) });
	}
}, 200);
