// What scripts ask of the page: an element, what is done to it, what to say in its language.

const words = JSON.parse(document.documentElement.dataset.words);

export const byId = (id) => document.getElementById(id);
export const all = (selector) => [...document.querySelectorAll(selector)];

/** Hear of events in what a selector matches, whether it is on the page already or not. */
export const on = (type, selector, listener) => addEventListener(type, (event) => {
	const found = event.target.closest?.(selector);
	if (found) listener(found, event);
});

/** Where the focus goes that was in here, on something that is no more. */
export const focusIn = (home) => document.activeElement === document.body && home?.querySelector(":is(button, input):not([tabindex], [hidden], [type=hidden])")?.focus();

/** The words under a name, with what stands in their {places}. */
export const say = (name, places) => words[name].replace(/{(\w+)}/g, (_, place) => places[place]);

/** A new element like the one in a template. */
export const copyOf = (id) => byId(id).content.firstElementChild.cloneNode(true);
