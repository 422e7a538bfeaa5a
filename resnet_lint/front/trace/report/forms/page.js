"use strict";
const canvas = document.querySelector(".canvas"), svg = canvas.querySelector("svg"), details = document.getElementById("details"), source = document.getElementById("source");
const LINE = +canvas.dataset.line, GAP = +canvas.dataset.gap, PAD = +canvas.dataset.pad;
const steps = JSON.parse(document.getElementById("steps").textContent);
const root = svg.querySelector(".box"), boxes = [...svg.querySelectorAll(".box")], modules = boxes.filter(box => box.matches(".group"));
let scale = 1, chosen = null;

// --- layout: the columns never change, the rows follow the heights of the boxes in them ---------------------------

const headOf = box => box.firstElementChild, frameOf = box => headOf(box).firstElementChild;
const isOpen = box => box.classList.contains("open");
const height = box => +(isOpen(box) ? box.dataset.height : box.dataset.head);

function restack(box) {
  const inside = [...box.lastElementChild.children], head = +box.dataset.head;
  const rows = Array(+box.dataset.rows).fill(0), parts = {};
  for (const child of inside) {
    const {row, number} = child.dataset;
    if (row === undefined) continue;
    if (number !== undefined) parts[number] = child;
    rows[row] = Math.max(rows[row], number === undefined ? LINE : height(child));
  }
  const tops = [head + GAP];
  for (const rowHeight of rows) tops.push(tops.at(-1) + rowHeight + (rowHeight ? GAP : 0));
  box.dataset.height = tops.at(-1);
  for (const child of inside) {
    const {row, number, x, wire} = child.dataset;
    if (number !== undefined) child.setAttribute("transform", `translate(${x} ${tops[row]})`);
    else if (row !== undefined) child.setAttribute("y", tops[row] + LINE - 4);
    else child.setAttribute("d", wirePath(wire.split(" "), tops, parts, head));
  }
  frameOf(box).setAttribute("height", height(box));
}

// Same as `Picture.corners` and `path`.
function wirePath([sort, x, row, number, end, endX, endRow], tops, parts, head) {
  let top = sort === "port" ? head : tops[row];
  const bottom = Math.max(top, tops[+row + 1] - GAP), last = tops[endRow], middle = (bottom + last) / 2;
  if (sort === "part") top += height(parts[number]);
  if (sort === "label") top = bottom;
  const down = end === "port" ? ` V${tops.at(-1)}` : "";
  return `M${x} ${top} V${bottom} C${x} ${middle} ${endX} ${middle} ${endX} ${last}${down}`;
}

function toggle(box, open = !isOpen(box)) {
  const [left, narrow, wide] = box.dataset.span.split(" ").map(Number), start = open ? 0 : left;
  box.classList.toggle("open", open);
  box.classList.toggle("closed", !open);
  const head = headOf(box), frame = frameOf(box);
  head.setAttribute("aria-expanded", open);
  head.querySelector(".sign").textContent = open ? "\u2212 " : "+ ";
  for (const text of head.querySelectorAll("text")) text.setAttribute("x", start + PAD);
  for (const rect of head.querySelectorAll("rect")) rect.setAttribute("x", start);
  frame.setAttribute("width", open ? wide : narrow);
  frame.setAttribute("height", height(box));
}

function toggleInPlace(box) {
  if (box === root || !box.matches(".group")) return;
  toggle(box);
  for (let outer = box; outer; outer = outer.parentElement.closest(".box.group")) restack(outer);
  resize();
}

function resize() {
  const {width} = svg.viewBox.baseVal, tall = height(root);
  svg.setAttribute("viewBox", `0 0 ${width} ${tall}`);
  svg.setAttribute("width", width * scale);
  svg.setAttribute("height", tall * scale);
}

// --- zoom ----------------------------------------------------------------------------------------------------------

function zoom(to, x = canvas.clientWidth / 2, y = canvas.clientHeight / 2) {
  const by = Math.min(4, Math.max(.05, to)) / scale;
  const left = (canvas.scrollLeft + x) * by - x, above = (canvas.scrollTop + y) * by - y;
  scale *= by;
  resize();
  canvas.scrollTo(left, above);
}

const fitWidth = () => (canvas.clientWidth - 4) / svg.viewBox.baseVal.width;
const fitAll = () => Math.min(fitWidth(), (canvas.clientHeight - 4) / svg.viewBox.baseVal.height);

// --- selection -----------------------------------------------------------------------------------------------------

function element(name, text, parent, kind = "") {
  const created = document.createElement(name);
  created.textContent = text;
  created.className = kind;
  parent.append(created);
  return created;
}

function link(text, target, parent) {
  element("a", text, parent).href = target;
}

function show(box) {
  const step = steps[box.dataset.id];
  details.replaceChildren();
  element("h2", step.name, details);
  element("p", step.kind, details, "soft");
  if (step.shapes) element("p", step.shapes, details);
  for (const fact of step.facts) element("p", fact, details);
  const row = document.querySelector(`tr[data-box="${box.dataset.id}"]`);
  const fault = document.querySelector(`.faults a[href="#s${box.dataset.id}"]`)?.closest(".faults");
  if (fault) details.append(fault.querySelector("dl").cloneNode(true));
  else if (step.error) element("p", step.error, details, "bad");
  const ways = element("p", "", details);
  if (fault) link("to the fault", `#${fault.id}`, ways);
  if (row) link("to the table", `#${row.id}`, ways);
  for (const fix of document.querySelectorAll(".fix")) fix.hidden = fault ? fix.dataset.fault !== fault.id : true;
  source.replaceChildren();
  for (const place of step.places) {
    element("p", `${place.what} at ${place.where}`, source, "soft");
    const code = element("pre", "", source);
    code.tabIndex = 0;
    for (const [number, text] of place.code) element(number === place.line ? "b" : "span", `${String(number).padStart(4)}  ${text}\n`, code);
  }
}

function select(box) {
  for (const old of document.querySelectorAll(".chosen")) old.classList.remove("chosen");
  if (chosen) {
    headOf(chosen).setAttribute("tabindex", "-1");
    headOf(chosen).removeAttribute("aria-selected");
  }
  chosen = box;
  box.classList.add("chosen");
  headOf(box).setAttribute("aria-selected", "true");
  headOf(box).setAttribute("tabindex", "0");
  document.querySelector(`tr[data-box="${box.dataset.id}"]`)?.classList.add("chosen");
  show(box);
}

// Open the modules around a box, and scroll it into the middle of the drawing.
function reveal(box) {
  for (let outer = box.parentElement.closest(".box"); outer; outer = outer.parentElement.closest(".box")) {
    if (!isOpen(outer)) toggle(outer, true);
    restack(outer);
  }
  resize();
  const at = frameOf(box).getBoundingClientRect(), view = canvas.getBoundingClientRect();
  canvas.scrollBy(at.left + at.width / 2 - view.left - view.width / 2, at.top + at.height / 2 - view.top - view.height / 2);
}

function go(box) {
  reveal(box);
  select(box);
}

function follow() {
  const box = /^#s\d+$/.test(location.hash) && document.getElementById(location.hash.slice(1));
  if (!box) return;
  go(box);
  canvas.scrollIntoView({block: "nearest"});
}

// --- mouse ---------------------------------------------------------------------------------------------------------

let from = null, moved = false;
canvas.addEventListener("pointerdown", event => {
  if (event.pointerType === "mouse") from = {x: event.clientX + canvas.scrollLeft, y: event.clientY + canvas.scrollTop};
  moved = false;
});
window.addEventListener("pointermove", event => {
  if (!from) return;
  moved ||= Math.hypot(event.clientX + canvas.scrollLeft - from.x, event.clientY + canvas.scrollTop - from.y) > 4;
  canvas.classList.toggle("dragged", moved);
  if (moved) canvas.scrollTo(from.x - event.clientX, from.y - event.clientY);
});
window.addEventListener("pointerup", () => { from = null; canvas.classList.remove("dragged"); });
svg.addEventListener("click", event => {
  const box = event.target.closest(".box");
  if (moved || !box) return;
  if (event.target.matches(".handle")) toggleInPlace(box);
  else select(box);
});
svg.addEventListener("dblclick", event => {
  const box = event.target.closest(".box");
  if (box && !event.target.matches(".handle")) toggleInPlace(box);
});
canvas.addEventListener("wheel", event => {
  if (!event.ctrlKey && !event.metaKey) return;
  event.preventDefault();
  const at = canvas.getBoundingClientRect();
  zoom(scale * (event.deltaY < 0 ? 1.1 : 1 / 1.1), event.clientX - at.left, event.clientY - at.top);
}, {passive: false});

// --- keys: the pattern of a tree ------------------------------------------------------------------------------------

const visible = () => boxes.filter(box => !box.parentElement.closest(".closed"));

function moveTo(box) {
  if (!box) return;
  go(box);
  headOf(box).focus({preventScroll: true});
}

const KEYS = {
  ArrowDown: box => moveTo(visible()[visible().indexOf(box) + 1]),
  ArrowUp: box => moveTo(visible()[visible().indexOf(box) - 1]),
  ArrowRight: box => box.matches(".closed") ? toggleInPlace(box) : moveTo(box.querySelector(".box")),
  ArrowLeft: box => box.matches(".open") && box !== root ? toggleInPlace(box) : moveTo(box.parentElement.closest(".box")),
  Home: () => moveTo(root),
  End: () => moveTo(visible().at(-1)),
  Enter: box => select(box),
  " ": box => select(box),
};
svg.addEventListener("keydown", event => {
  const box = event.target.closest(".box");
  if (!box || !KEYS[event.key]) return;
  event.preventDefault();
  event.stopPropagation();
  KEYS[event.key](box);
});

// --- search and download -------------------------------------------------------------------------------------------

const search = document.getElementById("search"), hits = document.getElementById("hits");
let found = [], current = -1;
search.addEventListener("input", () => {
  const text = search.value.trim().toLowerCase();
  const matches = ({name, kind, shapes}) => `${name} ${kind} ${shapes}`.toLowerCase().includes(text);
  found = text ? boxes.filter(box => box !== root && matches(steps[box.dataset.id])) : [];
  for (const box of boxes) box.classList.toggle("found", found.includes(box));
  hits.textContent = text ? `${found.length} found; Enter shows the next` : "";
  current = -1;
});
search.addEventListener("keydown", event => {
  if (event.key !== "Enter" || !found.length) return;
  current = (current + 1) % found.length;
  go(found[current]);
  hits.textContent = `${current + 1} of ${found.length}`;
});

function drawing() {
  const copy = svg.cloneNode(true), {width, height} = svg.viewBox.baseVal;
  copy.setAttribute("xmlns", "http://www.w3.org/2000/svg");
  copy.setAttribute("width", width);
  copy.setAttribute("height", height);
  for (const hidden of copy.querySelectorAll(".closed > .inside")) hidden.remove();
  const style = document.createElementNS("http://www.w3.org/2000/svg", "style");
  style.textContent = `${document.querySelector("style").textContent} svg { background: var(--paper); }`;
  copy.prepend(style);
  return new XMLSerializer().serializeToString(copy);
}

function save(url, ending) {
  const anchor = document.createElement("a");
  anchor.href = url;
  anchor.download = `${document.title.replace(/\W+/g, "_")}.${ending}`;
  anchor.click();
}

function saveImage(ending) {
  const url = URL.createObjectURL(new Blob([drawing()], {type: "image/svg+xml"}));
  if (ending === "svg") return save(url, ending);
  const image = new Image();
  image.onload = () => {
    const paper = document.createElement("canvas"), by = Math.min(2, 16000 / Math.max(image.width, image.height));
    paper.width = image.width * by;
    paper.height = image.height * by;
    paper.getContext("2d").drawImage(image, 0, 0, paper.width, paper.height);
    paper.toBlob(blob => save(URL.createObjectURL(blob), ending));
  };
  image.src = url;
}

for (const button of document.querySelectorAll("button")) button.addEventListener("click", () => {
  const {zoom: by, fit, all, save: ending} = button.dataset;
  if (by) zoom(scale * by);
  else if (fit) zoom(fit === "all" ? fitAll() : fitWidth());
  else if (ending) saveImage(ending);
  else {
    for (const box of modules.toReversed()) { if (box !== root) toggle(box, all === "open"); restack(box); }
    resize();
  }
});

// --- start: on the first fault -------------------------------------------------------------------------------------

for (const box of modules.toReversed()) restack(box);
for (const box of boxes) {
  const outer = box.parentElement.closest(".box");
  headOf(box).setAttribute("aria-level", outer ? +headOf(outer).ariaLevel + 1 : 1);
}
const fault = document.querySelector(".faults a");
if (fault) {
  zoom(Math.min(1, Math.max(.6, fitWidth())));
  go(document.querySelector(fault.getAttribute("href")));
} else {
  headOf(root).setAttribute("tabindex", "0");
  if (fitWidth() < 1) zoom(fitWidth());
}
addEventListener("hashchange", follow);
follow();
