"use strict";

// A filter for the projects that are shown; on the start page, which shows only some, for all there are.
const box = document.querySelector("main > p > #filter, main form > p > #filter");
const list = document.getElementById("projects");
const shownAtOnce = 100;

const normalize = (text) => text.trim().toLowerCase().replace(/[-_.]+/g, "-");

const makeItem = ([name, version, summary, , status]) => {
  const item = document.createElement("li");
  const link = document.createElement("a");
  link.href = `project/${name}/`;
  link.textContent = name;
  const number = document.createElement("span");
  number.textContent = version;
  item.append(link, " ", number);
  if (status) {
    const marker = document.createElement("span");
    marker.className = "status";
    marker.textContent = status;
    item.append(" ", marker);
  }
  if (summary) {
    const said = document.createElement("p");
    said.textContent = summary;
    item.append(said);
  }
  return item;
};

// What was found, and how much of it is shown: to lay out thousands of lines takes longer than to type the next letter.
const said = document.createElement("p");
said.setAttribute("role", "status");

const show = (found, makeElement) => {
  list.replaceChildren(...found.slice(0, shownAtOnce).map(makeElement));
  const more = found.length > shownAtOnce ? `, of which these are the first ${shownAtOnce}` : "";
  said.textContent = `${found.length} found${more}`;
};

const showAgain = (before) => {
  list.replaceChildren(...before);
  said.textContent = "";
};

const filterAll = (address) => {
  const before = [...list.children];
  let all = null;
  return async () => {
    all ??= fetch(address).then((answer) => answer.json());
    const projects = await all.catch(() => { all = null; return []; });
    const wanted = normalize(box.value);
    if (!wanted) return showAgain(before);
    const found = projects.filter(([name, , summary]) => name.includes(wanted) || normalize(summary).includes(wanted));
    found.sort(([a], [b]) => b.startsWith(wanted) - a.startsWith(wanted) || b.includes(wanted) - a.includes(wanted));
    show(found, makeItem);
  };
};

const filterShown = () => {
  const before = [...list.children];
  const texts = before.map((entry) => normalize(entry.textContent));
  return () => {
    const wanted = normalize(box.value);
    if (!wanted) return showAgain(before);
    show(before.filter((_, at) => texts[at].includes(wanted)), (entry) => entry);
  };
};

if (box && list) {
  const apply = box.dataset.all ? filterAll(box.dataset.all) : filterShown();
  box.closest("p").after(said);
  box.addEventListener("input", apply);
  box.hidden = false;
  if (box.value) apply();
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
