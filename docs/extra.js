// Material makes a code block that is wider than its box focusable only where a pointer can hover, and removes that
// when the box changes its size; but on a keyboard, a focused block is the only one that can be scrolled.
function reach(box) {
  if (box.scrollWidth > box.clientWidth && !box.hasAttribute("tabindex")) box.setAttribute("tabindex", "0");
}

for (const code of document.querySelectorAll("pre > code")) {
  new MutationObserver(() => reach(code)).observe(code, { attributeFilter: ["tabindex"] });
  new ResizeObserver(() => reach(code)).observe(code);
}

// So is a table that is wider than the page, which Material puts into a box of its own after the page is loaded.
const wide = new ResizeObserver(boxes => boxes.forEach(({ target }) => reach(target)));
new MutationObserver(() => {
  for (const box of document.querySelectorAll(".md-typeset__scrollwrap")) wide.observe(box);
}).observe(document.body, { childList: true, subtree: true });

// The buttons of a code block are a landmark, and all blocks have the same name: none.
new MutationObserver(() => {
  document.querySelectorAll("nav.md-code__nav").forEach((buttons, index) => {
    if (!buttons.hasAttribute("aria-label")) buttons.setAttribute("aria-label", `Code block ${index + 1}`);
  });
}).observe(document.body, { childList: true, subtree: true });
