"use strict";

// A filter for the projects that are shown; on the start page, which shows only some, for all there are.
const box = document.querySelector("main > p > #filter, main form > p > #filter");
const list = document.getElementById("projects");
const shownAtOnce = 100;

const normalize = (text) => text.trim().toLowerCase().replace(/[-_.]+/g, "-");

const makeItem = ([name, version, summary]) => {
  const item = document.createElement("li");
  const link = document.createElement("a");
  link.href = `project/${name}/`;
  link.textContent = name;
  const number = document.createElement("span");
  number.textContent = version;
  item.append(link, " ", number);
  if (summary) {
    const said = document.createElement("p");
    said.textContent = summary;
    item.append(said);
  }
  return item;
};

const filterAll = (address) => {
  const before = [...list.children];
  let all = null;
  const apply = async () => {
    all ??= fetch(address).then((answer) => answer.json());
    const projects = await all.catch(() => { all = null; return []; });
    const wanted = normalize(box.value);
    if (!wanted) return list.replaceChildren(...before);
    const found = projects.filter(([name, , summary]) => name.includes(wanted) || normalize(summary).includes(wanted));
    found.sort(([a], [b]) => b.startsWith(wanted) - a.startsWith(wanted) || b.includes(wanted) - a.includes(wanted));
    list.replaceChildren(...found.slice(0, shownAtOnce).map(makeItem));
  };
  box.addEventListener("input", apply);
  if (box.value) apply();
};

const filterShown = () => {
  const entries = [...list.children].map((entry) => [entry, normalize(entry.textContent)]);
  const apply = () => {
    const wanted = normalize(box.value);
    for (const [entry, text] of entries) entry.hidden = !text.includes(wanted);
  };
  box.addEventListener("input", apply);
  if (box.value) apply();
};

if (box && list) {
  if (box.dataset.all) filterAll(box.dataset.all); else filterShown();
  box.hidden = false;
}

// Without https a browser has no clipboard to write to, but can copy what is selected.
const copy = (element) => {
  getSelection().selectAllChildren(element);
  document.execCommand("copy");
};

for (const line of document.querySelectorAll("body > header > .copied")) {
  const button = document.createElement("button");
  button.type = "button";
  button.textContent = "Copy";
  button.addEventListener("click", () => {
    copy(line);
    button.textContent = "Copied";
    setTimeout(() => { button.textContent = "Copy"; }, 2000);
  });
  line.after(button);
}
