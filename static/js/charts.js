// Reads values out of a drawn chart by pointer and by arrow keys. The sentence and the table say all without it.
const WIDTH = 1000;
const HEIGHT = 300;
const DAY = 24 * 3600 * 1000;
const language = document.documentElement.lang;
const days = new Intl.DateTimeFormat(language, { dateStyle: "medium", timeZone: "UTC" });

function addReadOut(chart) {
  const { start, span, points, positive, negative, least, most } = chart.dataset;
  const plot = chart.querySelector("[data-plot]");
  const svg = plot.querySelector("svg");
  const read = chart.querySelector("[data-read]");
  let last = -1;
  const values = points.split(" ").map((text) => {
    const [amount, day = last + 1] = text.split(":");
    last = Number(day);
    return [last, amount];
  });
  const first = Date.parse(start);
  // Number formats take the text itself, so that no amount passes through a floating-point number.
  const amounts = new Intl.NumberFormat(language, {
    minimumFractionDigits: least, maximumFractionDigits: most, useGrouping: "always", numberingSystem: "latn",
  });
  const words = (text) => {
    // A score has no currency and is said as it is.
    if (positive === undefined) return text;
    const template = text.startsWith("-") ? negative : positive;
    return template.replace("#", () => amounts.format(text.replace("-", "")));
  };
  const cursor = document.createElementNS("http://www.w3.org/2000/svg", "path");
  cursor.setAttribute("class", "plot__cursor");
  svg.append(cursor);
  let at = values.length - 1;

  const place = (offset) => (Number(span) ? (offset * WIDTH) / Number(span) : WIDTH / 2);
  const show = (index) => {
    at = Math.max(0, Math.min(values.length - 1, index));
    const [offset, amount] = values[at];
    cursor.setAttribute("d", `M${place(offset)} 0V${HEIGHT}`);
    read.textContent = `${days.format(first + offset * DAY)}: ${words(amount)}`;
  };
  const nearest = (x) => {
    const gaps = values.map(([offset]) => Math.abs(place(offset) - x));
    return gaps.indexOf(Math.min(...gaps));
  };

  plot.tabIndex = 0;
  plot.setAttribute("role", "group");
  plot.setAttribute("aria-label", plot.dataset.label);
  plot.addEventListener("pointermove", (event) => {
    const box = svg.getBoundingClientRect();
    show(nearest(((event.clientX - box.left) / box.width) * WIDTH));
  });
  plot.addEventListener("keydown", (event) => {
    const steps = { ArrowLeft: at - 1, ArrowRight: at + 1, PageUp: at - 30, PageDown: at + 30, Home: 0, End: values.length - 1 };
    if (!(event.key in steps)) return;
    event.preventDefault();
    show(steps[event.key]);
  });
}

function addReadOuts() {
  for (const chart of document.querySelectorAll("[data-chart]:not([data-read-out])")) {
    chart.dataset.readOut = "";
    addReadOut(chart);
  }
}

addReadOuts();
// Charts that replace others after a sync.
document.addEventListener("htmx:afterSwap", addReadOuts);
