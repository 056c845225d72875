// What scripts say, in the language of the page.

const words = JSON.parse(document.documentElement.dataset.words);

/** The words under a name, with what stands in their {places}. */
export const say = (name, places = {}) => words[name].replace(/{(\w+)}/g, (_, place) => places[place]);
