// Draws the formulas of what models and datasets wrote, with KaTeX. Its input is text that the page has already
// escaped; `trust: false` refuses links, pictures and HTML in a formula; what does not parse stays as it was written.
"use strict";

document.addEventListener("DOMContentLoaded", () => {
  for (const element of document.querySelectorAll(".text")) {
    renderMathInElement(element, {
      delimiters: [
        { left: "$$", right: "$$", display: true },
        { left: "\\[", right: "\\]", display: true },
        { left: "\\(", right: "\\)", display: false },
        { left: "$", right: "$", display: false },
      ],
      ignoredTags: ["script", "noscript", "style", "textarea", "option"], // not <pre>: ours holds prose
      trust: false,
      strict: "ignore",
      throwOnError: false,
      maxSize: 10,
      maxExpand: 200,
    });
  }
});
