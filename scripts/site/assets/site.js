/* What the theme leaves out for keyboards and screen readers: it makes these elements when the page is ready. */
function mend() {
  for (const table of document.querySelectorAll(".md-typeset__scrollwrap:not([tabindex])")) {
    table.tabIndex = 0;
    table.setAttribute("role", "group");
    table.setAttribute("aria-label", "Table");
  }
  for (const [number, nav] of document.querySelectorAll(".md-code__nav").entries()) {
    if (!nav.hasAttribute("aria-label")) nav.setAttribute("aria-label", `Code ${number + 1}`);
  }
  for (const line of document.querySelectorAll("a[id^=__codelineno][href]")) line.removeAttribute("href");
}
new MutationObserver(mend).observe(document.body, {childList: true, subtree: true});
mend();
