"use strict";
const SHOWN = 100;
const NAMES = ["rule", "place", "finding", "first seen", "verified fix"];
const all = JSON.parse(document.getElementById("data").textContent);
const texts = all.map((row) => row.join(" ").toLowerCase());
const body = document.getElementById("findings");
const filter = document.getElementById("filter");
let matching = all;
let first = 0;

function dateOf(run) {
  return `${run.slice(0, 4)}-${run.slice(4, 6)}-${run.slice(6, 8)}`;
}

function cells([repository, path, line, rule, severity, message, seen, fix]) {
  return [`${rule} ${severity}`, `${repository}: ${path}:${line}`, message, dateOf(seen), fix || ""];
}

function rowOf(finding) {
  const row = document.createElement("tr");
  cells(finding).forEach((text, index) => {
    const cell = document.createElement("td");
    cell.textContent = text;
    cell.dataset.name = NAMES[index];
    cell.className = index === 0 ? (finding[4] === "error" ? "bad" : "fair") : "message";
    row.append(cell);
  });
  return row;
}

function show() {
  body.replaceChildren(...matching.slice(first, first + SHOWN).map(rowOf));
  const last = Math.min(first + SHOWN, matching.length);
  document.getElementById("shown").textContent =
    matching.length ? `${first + 1} to ${last} of ${matching.length}` : "no findings";
  document.getElementById("before").disabled = first === 0;
  document.getElementById("after").disabled = last === matching.length;
}

function turn(by) {
  first = Math.max(0, first + by);
  show();
}

filter.addEventListener("input", () => {
  const words = filter.value.toLowerCase().split(/\s+/).filter(Boolean);
  matching = all.filter((_, index) => words.every((word) => texts[index].includes(word)));
  first = 0;
  show();
});
document.getElementById("before").addEventListener("click", () => turn(-SHOWN));
document.getElementById("after").addEventListener("click", () => turn(SHOWN));
show();
