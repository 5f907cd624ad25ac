/* Builds DOM nodes without parsing markup, so that data of a bank cannot become an element. */

const SVG = "http://www.w3.org/2000/svg";

const ICONS = {
  back: "M15 5l-7 7 7 7",
  close: "M6 6l12 12M18 6L6 18",
  check: "M5 12.5l4.5 4.5L19 7.5",
  alert: "M12 7v6M12 16.5v.5",
  search: "M11 4a7 7 0 1 0 0 14 7 7 0 0 0 0-14zM16.2 16.2L20 20",
  lock: "M6 11h12v9H6zM8.5 11V8a3.5 3.5 0 0 1 7 0v3",
  eye: "M2.5 12S6 5.5 12 5.5 21.5 12 21.5 12 18 18.5 12 18.5 2.5 12 2.5 12zM12 9.5a2.5 2.5 0 1 0 0 5 2.5 2.5 0 0 0 0-5z",
  undo: "M9 7L5 11l4 4M5 11h9a5 5 0 0 1 0 10h-3",
  next: "M9 6l6 6-6 6",
  bank: "M4 10l8-5 8 5M6 10v7M10 10v7M14 10v7M18 10v7M4 19h16",
};

/** Create an element. Attributes that are `null`, `undefined` or `false` are omitted; `on*` functions are listeners. */
export function el(tag, attributes = {}, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value === null || value === undefined || value === false) continue;
    if (typeof value === "function") node.addEventListener(name.slice(2), value);
    else if (value === true) node.setAttribute(name, "");
    else node.setAttribute(name, value);
  }
  node.append(...children.flat(Infinity).filter((child) => child !== null && child !== undefined));
  return node;
}

function svg(tag, attributes) {
  const node = document.createElementNS(SVG, tag);
  for (const [name, value] of Object.entries(attributes)) node.setAttribute(name, value);
  return node;
}

/** Create an icon, hidden from screen readers because there is always a text or label beside it. */
export function icon(name) {
  const drawing = svg("svg", { viewBox: "0 0 24 24", class: "icon", "aria-hidden": "true" });
  drawing.append(svg("path", { d: ICONS[name] }));
  return drawing;
}

/** Create a tile with the bank's initials on its color, in place of a logo. */
export function monogram(institution) {
  const letters = institution.name.split(/\s+/).slice(0, 2).map((word) => word[0]).join("").toUpperCase();
  const tile = svg("svg", { viewBox: "0 0 40 40", class: "monogram", "aria-hidden": "true" });
  const fill = institution.primary_color || "#4d5665";
  const label = svg("text", { x: 20, y: 26, "text-anchor": "middle", fill: textColorOn(fill) });
  label.textContent = letters;
  tile.append(svg("rect", { width: 40, height: 40, rx: 10, fill }), label);
  return tile;
}

function textColorOn(color) {
  const [red, green, blue] = [1, 3, 5].map((at) => parseInt(color.slice(at, at + 2), 16));
  return 0.299 * red + 0.587 * green + 0.114 * blue > 150 ? "#14181f" : "#ffffff";
}
