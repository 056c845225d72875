// Listens to a thread while a run is active on it. The browser itself reconnects when the
// connection breaks, and names the last frame that it got.

import { place } from "./morph.js";
import { byId, on } from "./page.js";

const RETRY_MS = 2000;
const AWAY_MS = 4000;
const listeners = [];
const others = new BroadcastChannel("threads");
let source, wanted;

/** Call `listener` with the HTML of every change, after the page shows it. */
export const onChange = (listener) => listeners.push(listener);

/** Show some HTML as if the stream had brought it. */
export function show(html) {
	place(html);
	for (const listener of listeners) listener(html);
}

/** The id of the run that is active, or empty. */
export const activeRun = () => byId("composer-actions").dataset.active;

/** Begin to listen, if nobody does yet. Other tabs that show the thread begin too. */
export function listen({ tell = false } = {}) {
	const thread = byId("stream");
	if (!thread || document.hidden) return;
	if (tell) others.postMessage(thread.dataset.src);
	// A stream that is open may be about to close without knowing of what is to come.
	wanted = Boolean(source);
	if (source) return;
	source = new EventSource(`${thread.dataset.src}?after=${thread.dataset.after}`);
	source.onopen = () => broken(false);
	source.onmessage = ({ data, lastEventId }) => {
		show(data);
		thread.dataset.after = lastEventId;
	};
	source.addEventListener("close", () => {
		stop();
		// A run that was started while the last one ended.
		if (wanted || activeRun()) setTimeout(listen, RETRY_MS / 4);
	});
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

others.onmessage = ({ data }) => data === byId("stream")?.dataset.src && listen();

// A tab that nobody looks at leaves its connection, of which a browser has six, to the others.
let away;
document.addEventListener("visibilitychange", () => {
	clearTimeout(away);
	if (document.hidden) away = setTimeout(stop, AWAY_MS);
	else listen();
});

addEventListener("pagehide", stop);
// Who deletes the thread goes where the answer leads.
on("submit", "dialog form", stop);
addEventListener("pageshow", ({ persisted }) => persisted && listen());

if (byId("stream")?.dataset.live) listen();
