// Puts new HTML in the place of old without disturbing what has not changed: a selection, the
// focus, what was typed, and whatever a person has folded open or shut stay as they are.

import { byId } from "./page.js";

/** Make `old` be like `fresh`. Returns the element that is on the page afterwards. */
export function morph(old, fresh) {
	if (old.nodeName !== fresh.nodeName || old.id !== fresh.id) {
		old.replaceWith(fresh);
		return fresh;
	}
	if (!old.isEqualNode(fresh)) {
		morphAttributes(old, fresh);
		// A clock runs by itself.
		if (!fresh.matches("[data-since], [data-until]")) morphChildren(old, fresh);
	}
	return old;
}

/** Put each element of some HTML in the place of the one with its id or, if there is none yet,
 * where it belongs: into the element that `data-into` names, in the order of `data-order`. */
export function place(html) {
	const template = document.createElement("template");
	template.innerHTML = html;
	for (const element of [...template.content.children]) {
		const { remove, into } = element.dataset;
		if (remove) byId(remove)?.remove();
		else if (!element.content) put(element, into);
		else for (const part of [...element.content.children]) put(part, part.dataset.into ?? into);
	}
}

function put(fresh, into) {
	const old = byId(fresh.id);
	const home = byId(into);
	if (old) fresh = morph(old, fresh);
	else if (home) home.insertBefore(fresh, following(fresh, home));
	if (fresh.querySelector("[hx-get], [hx-post]")) window.htmx.process(fresh);
}

/** The element before which a new one goes; null is the end. */
function following(fresh, home) {
	if (!fresh.dataset.order) return fresh.matches(".notes") ? null : home.querySelector(":scope > .notes");
	let next = null;
	let last = home.lastElementChild;
	while (last && Number(last.dataset.order ?? Infinity) > fresh.dataset.order) {
		next = last;
		last = last.previousElementSibling;
	}
	return next;
}

function morphAttributes(old, fresh) {
	const kept = old.nodeName === "DETAILS" ? "open" : "";
	for (const { name, value } of fresh.attributes) {
		if (name !== kept && old.getAttribute(name) !== value) old.setAttribute(name, value);
	}
	for (const { name } of [...old.attributes]) {
		if (name !== kept && !fresh.hasAttribute(name)) old.removeAttribute(name);
	}
}

function morphChildren(old, fresh) {
	const named = new Map([...old.children].filter((child) => child.id).map((child) => [child.id, child]));
	let cursor = old.firstChild;
	for (const want of [...fresh.childNodes]) {
		const match = want.id ? named.get(want.id) : alike(cursor, want) ? cursor : null;
		if (!match) {
			old.insertBefore(want, cursor);
			continue;
		}
		if (match === cursor) cursor = cursor.nextSibling;
		else old.insertBefore(match, cursor);
		if (want.nodeType === Node.ELEMENT_NODE) morph(match, want);
		else morphText(match, want);
	}
	while (cursor) {
		const next = cursor.nextSibling;
		// Of what is being uploaded only the page knows.
		if (!cursor.matches?.("[data-new]")) cursor.remove();
		cursor = next;
	}
}

function alike(node, want) {
	return node && !node.id && node.nodeType === want.nodeType && node.nodeName === want.nodeName;
}

function morphText(node, want) {
	// Text that only grew is added to, so that a selection in it stays.
	if (want.data.startsWith(node.data)) node.appendData(want.data.slice(node.data.length));
	else node.data = want.data;
}
