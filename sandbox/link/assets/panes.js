/* The panes of the steps: plain objects that Dialog.show() displays. They do not use the session or the server. */

import { el, icon, monogram } from "./elements.js";

const SHARED = {
  transactions: "Account names, balances and up to 24 months of transactions",
  liabilities: "Loan and card terms: rates, due dates, minimum payments",
  investments: "Holdings and investment transactions",
};

const PROMISES = [
  ["eye", "You choose which accounts to share."],
  ["lock", "Your sign-in stays here. The app never sees it."],
  ["undo", "You can disconnect at any time."],
];

export function consent({ clientName, products, onContinue }) {
  const shared = Object.keys(SHARED).filter((product) => products.includes(product)).map((product) => SHARED[product]);
  return {
    name: "CONSENT",
    art: el("div", { class: "pair" }, monogram({ name: clientName, primary_color: "#2746c9" }), el("div", { class: "bank" }, icon("bank"))),
    title: `Connect a bank to ${clientName}`,
    lead: "This sandbox plays the part of Plaid and of every bank in it. Names and numbers are invented.",
    body: [
      el("ul", { class: "promises" }, PROMISES.map(([name, words]) => el("li", {}, icon(name), el("span", {}, words)))),
      shared.length ? el("h3", {}, `${clientName} will receive`) : null,
      el("ul", { class: "shared" }, shared.map((words) => el("li", {}, icon("check"), el("span", {}, words)))),
    ],
    submit: "Continue",
    onSubmit: onContinue,
  };
}

export function institutions({ query, onSearch, onChoose, onBack }) {
  const list = el("ul", { class: "banks" });
  const search = el("input", {
    id: "search", type: "search", autocomplete: "off", spellcheck: "false", enterkeyhint: "search", value: query,
    placeholder: "First Platypus Bank", oninput: () => onSearch(search.value.trim()),
  });
  const field = el("div", { class: "search" }, icon("search"), search);
  return {
    name: "SELECT_INSTITUTION",
    title: "Choose your bank",
    body: [el("label", { for: "search" }, "Search for a bank"), field, list],
    onSubmit: () => onSearch(search.value.trim()),
    onBack,
    fill: (banks) => {
      const rows = banks.map((bank) => bankRow(bank, onChoose));
      list.replaceChildren(...(rows.length ? rows : [noBank()]));
    },
  };
}

function bankRow(bank, onChoose) {
  const words = el("span", { class: "words" }, el("strong", {}, bank.name), bank.url ? el("small", {}, host(bank.url)) : null);
  return el("li", {}, el("button", { type: "button", class: "row", onclick: () => onChoose(bank) }, monogram(bank), words, icon("next")));
}

function host(address) {
  return address.replace(/^https?:\/\/(www\.)?/, "").replace(/\/.*$/, "");
}

function noBank() {
  return el("li", { class: "empty" }, "No bank has that name. Try fewer letters.");
}

export function credentials({ institution, logins, username, error, onSubmit, onBack }) {
  const name = input("username", "Username", { autocapitalize: "none", value: username, invalid: Boolean(error) });
  const password = input("password", "Password", { type: "password", invalid: Boolean(error) });
  const fill = (login) => {
    name.field.value = login.username;
    password.field.value = login.password;
    password.field.focus();
  };
  return {
    name: "CREDENTIAL",
    art: monogram(institution),
    title: `Sign in to ${institution.name}`,
    error,
    body: [name.box, password.box, loginsToTry(logins, fill)],
    submit: "Submit",
    onSubmit: (form) => onSubmit({ username: form.get("username"), password: form.get("password") }),
    onBack,
  };
}

function loginsToTry(logins, fill) {
  const picked = el("p", { role: "status", class: "picked" });
  const pick = (login) => {
    fill(login);
    picked.textContent = `${login.username} / ${login.password}`;
  };
  const buttons = logins.map((login) => el("li", {}, el("button", {
    type: "button", class: "login", onclick: () => pick(login),
  }, login.label)));
  const heading = el("h3", {}, "Logins to try");
  return el("section", { class: "logins", "aria-label": "Logins to try" }, heading, el("ul", {}, buttons), picked);
}

function input(name, label, { invalid, ...attributes }) {
  const field = el("input", {
    id: name, name, type: "text", autocomplete: "off", spellcheck: "false", autocorrect: "off",
    "aria-invalid": invalid ? "true" : null, "aria-describedby": invalid ? "error" : null, ...attributes,
  });
  return { field, box: el("div", { class: "field" }, el("label", { for: name }, label), field) };
}

export function mfa({ institution, type, prompts, hint, error, onSubmit }) {
  const inputPrompt = type === "code" ? codePrompt : textPrompt;
  const promptField = (prompt, at) =>
    (prompt.options.length ? optionPrompt(prompt, at, type === "device") : inputPrompt(prompt, at, error));
  return {
    name: "MFA",
    art: monogram(institution),
    title: "Confirm that it is you",
    error,
    body: [
      prompts.map(promptField),
      hint ? el("p", { class: "hint" }, hint) : null,
    ],
    submit: type === "device" ? "Send code" : "Submit",
    onSubmit: (form) => onSubmit(prompts.map((_, at) => (form.get(`answer${at}`) || "").trim())),
  };
}

function codePrompt({ label }, at, error) {
  return input(`answer${at}`, label, { inputmode: "numeric", autocomplete: "one-time-code", invalid: Boolean(error) }).box;
}

function textPrompt({ label }, at, error) {
  return input(`answer${at}`, label, { invalid: Boolean(error) }).box;
}

function optionPrompt({ label, options }, at, preset) {
  const choices = options.map((words, place) => choice("radio", `answer${at}`, words, words, preset && place === 0));
  return el("fieldset", {}, el("legend", {}, label), choices);
}

function choice(type, name, value, words, checked = false, small = null) {
  const box = el("input", { type, name, value, checked });
  return el("label", { class: "choice" }, box, el("span", { class: "words" }, el("strong", {}, words), small ? el("small", {}, small) : null));
}

export function accounts({ institution, accounts: held, clientName, error, onSubmit }) {
  return {
    name: "SELECT_ACCOUNT",
    art: monogram(institution),
    title: "Choose accounts",
    lead: `${clientName} will see only the accounts you tick.`,
    error,
    focus: error ? "input" : null,
    body: [accountList(held, `Accounts at ${institution.name}`, error)],
    submit: "Continue",
    onSubmit: (form) => onSubmit(form.getAll("account")),
  };
}

function accountList(held, legend, error) {
  const rows = held.map((account) => choice("checkbox", "account", account.id, title(account), account.ticked, kind(account)));
  const boxes = rows.map((row) => row.querySelector("input"));
  const all = choice("checkbox", "all", "all", "All accounts");
  const master = all.querySelector("input");
  const mirror = () => {
    const ticked = boxes.filter((box) => box.checked).length;
    master.checked = ticked === boxes.length;
    master.indeterminate = ticked > 0 && ticked < boxes.length;
  };
  const onchange = ({ target }) => {
    if (target === master) boxes.forEach((box) => { box.checked = master.checked; });
    mirror();
    list.closest("form").querySelector(".error")?.remove();
  };
  const list = el("fieldset", { "aria-describedby": error ? "error" : null, onchange },
    el("legend", { class: "unseen" }, legend), all, rows);
  all.classList.add("all");
  mirror();
  return list;
}

function title(account) {
  return account.mask ? `${account.name} ••${account.mask}` : account.name;
}

function kind(account) {
  const words = account.subtype || account.type;
  return words.length <= 4 ? words.toUpperCase() : words[0].toUpperCase() + words.slice(1);
}

export function connected({ institution, count, clientName, updated, onSubmit }) {
  const number = count === 1 ? "1 account" : `${count} accounts`;
  return {
    name: "CONNECTED",
    art: badge("check", "good"),
    title: updated ? "Connection repaired" : "Success",
    lead: `${clientName} can now see ${number} at ${institution.name}.`,
    centered: true,
    submit: "Finish",
    onSubmit,
  };
}

export function failure({ problem, onRetry, onChoose, onClose }) {
  const exit = el("button", { type: "button", class: onRetry || onChoose ? "secondary" : "primary", onclick: onClose }, "Exit");
  return {
    name: "ERROR",
    art: badge("alert", "bad"),
    title: problem.title,
    lead: problem.fields.display_message || "The bank could not be connected.",
    body: [el("p", { class: "code" }, problem.code)],
    centered: true,
    submit: onRetry ? "Try again" : onChoose ? "Choose another bank" : null,
    onSubmit: onRetry || onChoose,
    others: [exit],
  };
}

export function waiting(words) {
  return { name: "LOADING", waiting: true, title: words, art: el("div", { class: "spinner" }), centered: true, onSubmit() {} };
}

function badge(name, mood) {
  return el("div", { class: `badge ${mood}` }, icon(name));
}
