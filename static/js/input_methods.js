// Keys of an input method are its own, also an Enter right after its word.

// The field that a word is being written in. Of one that leaves the page meanwhile no end is told.
let inWord;

addEventListener("compositionstart", ({ target }) => (inWord = target));
addEventListener("compositionend", () => setTimeout(() => (inWord = null)));
addEventListener("keydown", (event) => {
	if (inWord !== event.target && !event.isComposing && event.keyCode !== 229) return;
	event.stopImmediatePropagation();
	if (event.key === "Enter") event.preventDefault();
}, true);
