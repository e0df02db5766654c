// Elements of the document. Texts reach it through textContent alone.

const byId = (id) => document.getElementById(id);

/** An element with these properties and children (elements or texts). */
function element(name, properties = {}, ...children) {
  const made = Object.assign(document.createElement(name), properties);
  made.append(...children);
  return made;
}

let speaking = 0;

/** Has a screen reader say what is marked, once the keys have come to rest. */
function speak() {
  clearTimeout(speaking);
  speaking = setTimeout(() => {
    const read = reading();
    if (read) byId("spoken").textContent = `${read.title}: ${read.values.map(([name, text]) => `${name} ${text}`).join(", ")}`;
  }, 350);
}
