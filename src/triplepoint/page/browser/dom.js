// Elements from data. Text is only ever a text node: a name from a file cannot become markup.

const SVG = "http://www.w3.org/2000/svg";

/** An element: `h("button.quiet", {onclick, "aria-label": "Play"}, "▶")`; null children are left out. */
export function h(what, attributes = {}, ...children) {
  const [tag, ...classes] = what.split(".");
  const made = document.createElement(tag || "div");
  if (classes.length) made.className = classes.join(" ");
  return filled(made, attributes, children);
}

/** The same for SVG. */
export function svg(tag, attributes = {}, ...children) {
  return filled(document.createElementNS(SVG, tag), attributes, children);
}

function filled(element, attributes, children) {
  for (const [name, value] of Object.entries(attributes)) {
    if (value === null || value === undefined || value === false) continue;
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (name === "style") for (const [key, to] of Object.entries(value)) element.style.setProperty(key, to);
    else if (name === "value" || name === "checked" || name === "selected") element[name] = value;
    else element.setAttribute(name, value === true ? "" : String(value));
  }
  append(element, children);
  return element;
}

/** Children of any depth: elements, or text. */
export function append(element, ...children) {
  for (const child of children.flat(Infinity)) {
    if (child === null || child === undefined || child === false) continue;
    element.append(child instanceof Node ? child : document.createTextNode(String(child)));
  }
  return element;
}

/** Put these children in the place of all that are there. */
export function replace(element, ...children) {
  element.replaceChildren();
  return append(element, ...children);
}

/** Characters that do not print, spelled out, so that a name looks like what it is. */
export function visible(text) {
  return String(text).replace(
    // eslint-disable-next-line no-control-regex
    /[\u0000-\u001f\u007f-\u009f\u200b-\u200f\u2028-\u202f\u2066-\u2069\ufeff\ud800-\udfff]/gu,
    (mark) => `\\u{${mark.codePointAt(0).toString(16)}}`,
  );
}

/** A select with options {value, text}. */
export function select(label, options, value, onchange) {
  return h(
    "label.field",
    {},
    h("span", {}, label),
    h(
      "select",
      { onchange: (event) => onchange(event.target.value) },
      options.map((option) =>
        h("option", { value: option.value, selected: option.value === value }, visible(option.text ?? option.value)),
      ),
    ),
  );
}

/** A row of buttons of which one is on. */
export function choice(label, options, value, onchoose) {
  return h(
    "div.choice",
    { role: "group", "aria-label": label },
    options.map((option) =>
      h(
        "button",
        { type: "button", "aria-pressed": String(option.value === value), title: option.title, onclick: () => onchoose(option.value) },
        option.text,
      ),
    ),
  );
}
