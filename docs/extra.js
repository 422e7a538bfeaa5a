// Material makes a code block that is wider than its box focusable only where a pointer can hover, and removes that
// when the box changes its size; but on a keyboard, a focused block is the only one that can be scrolled.
function reach(code) {
  if (code.scrollWidth > code.clientWidth && !code.hasAttribute("tabindex")) code.setAttribute("tabindex", "0");
}

for (const code of document.querySelectorAll("pre > code")) {
  new MutationObserver(() => reach(code)).observe(code, { attributeFilter: ["tabindex"] });
  new ResizeObserver(() => reach(code)).observe(code);
}

// The buttons of a code block are a landmark, and all blocks have the same name: none.
new MutationObserver(() => {
  document.querySelectorAll("nav.md-code__nav").forEach((buttons, index) => {
    if (!buttons.hasAttribute("aria-label")) buttons.setAttribute("aria-label", `Code block ${index + 1}`);
  });
}).observe(document.body, { childList: true, subtree: true });
