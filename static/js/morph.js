// Puts new HTML in the place of old without disturbing what has not changed: a selection, the
// focus, what was typed, and whatever a person has folded open or shut stay as they are.

import { byId } from "./page.js";

/** Make `old` be like `fresh`. Returns the node that is on the page afterwards. */
export function morph(old, fresh) {
	if (old.nodeName !== fresh.nodeName || old.id !== fresh.id) {
		old.replaceWith(fresh);
		return fresh;
	}
	if (old.data !== undefined) {
		morphText(old, fresh);
	} else if (!old.isEqualNode(fresh)) {
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
		else for (const part of [...(element.content?.children ?? [element])]) put(part, into);
	}
}

function put(fresh, into) {
	const old = byId(fresh.id);
	const home = byId(into);
	if (old) fresh = morph(old, fresh);
	else if (home) insert(fresh, home);
	if (fresh.querySelector("[hx-get], [hx-post]")) htmx.process(fresh);
}

function insert(fresh, home) {
	const { order } = fresh.dataset;
	const before = [...home.children].findLast((one) => order ? Number(one.dataset.order) <= order : !one.matches(".notes"));
	if (before) before.after(fresh);
	else home.prepend(fresh);
}

function morphAttributes(old, fresh) {
	for (const name of new Set([...old.getAttributeNames(), ...fresh.getAttributeNames()])) {
		const value = fresh.getAttribute(name);
		if (value === old.getAttribute(name) || (name === "open" && old.matches("details"))) continue;
		if (value === null) old.removeAttribute(name);
		else old.setAttribute(name, value);
	}
}

function morphChildren(old, fresh) {
	let cursor = old.firstChild;
	for (const want of [...fresh.childNodes]) {
		const match = want.id ? old.children[want.id] : alike(cursor, want) && cursor;
		if (match && match === cursor) cursor = cursor.nextSibling;
		else old.insertBefore(match || want, cursor);
		if (match) morph(match, want);
	}
	while (cursor) {
		const next = cursor.nextSibling;
		// Of what is being uploaded only the page knows.
		if (!cursor.matches?.("[data-new]")) cursor.remove();
		cursor = next;
	}
}

const alike = (node, want) => node && !node.id && node.nodeName === want.nodeName;

function morphText(old, fresh) {
	// Text that only grew is added to, so that a selection in it stays.
	if (fresh.data.startsWith(old.data)) old.appendData(fresh.data.slice(old.data.length));
	else old.data = fresh.data;
}
