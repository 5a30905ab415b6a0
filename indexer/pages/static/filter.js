"use strict";
const box = document.getElementById("filter");
if (box) {
  const entries = [...document.querySelectorAll("#projects li")];
  const apply = () => {
    const wanted = box.value.trim().toLowerCase().replace(/[-_.]+/g, "-");
    for (const entry of entries) entry.hidden = !entry.textContent.includes(wanted);
  };
  box.hidden = false;
  box.addEventListener("input", apply);
  apply();
}
