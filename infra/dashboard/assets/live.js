// Brings the page of what is being built up to date every two seconds while somebody looks at it. The server has escaped
// everything; what the reader has opened or closed stays so.
"use strict";

(() => {
  const EVERY = 2000;
  async function refresh() {
    try {
      if (document.hidden) return;
      const answer = await fetch(location.href, { cache: "no-store" });
      if (!answer.ok) return;
      const fresh = new DOMParser().parseFromString(await answer.text(), "text/html").getElementById("live");
      const now = document.getElementById("live");
      const closed = (root) => [...root.querySelectorAll("details")];
      const before = new Map(closed(now).map((one) => [name(one), one.open]));
      for (const one of closed(fresh)) if (before.has(name(one))) one.open = before.get(name(one));
      if (!now.contains(document.activeElement) && String(getSelection()) === "") now.replaceWith(fresh);
    } catch (error) {
      if (!(error instanceof TypeError)) throw error; // the server is down: the next round finds it again
    } finally {
      setTimeout(refresh, EVERY);
    }
  }
  const name = (details) => details.closest("article")?.querySelector("h3")?.firstChild?.nextSibling?.textContent + details.querySelector("summary")?.textContent;
  setTimeout(refresh, EVERY);
})();
