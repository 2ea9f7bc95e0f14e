// The table of runs: sorts, filters, searches, chooses runs to compare. Its data lie in the page:
//   {"columns": [{"id", "title", "type", "filter", "shown"}], "rows": [{"id", "href", "class", "cells": {…}}], "compare"}
// A cell of type percent or number is [value, low, high]. What is shown goes to plot.js as the event "shown".
"use strict";

(() => {
  const block = document.getElementById("data");
  if (!block) return;
  const { columns, rows, compare } = JSON.parse(block.textContent);
  const STEP = 100;
  const state = { sort: "made", down: true, text: "", filters: {}, limit: STEP, chosen: new Set() };
  const shown = new Set(columns.filter((column) => column.shown).map((column) => column.id));
  for (const row of rows) row.text = Object.values(row.cells).filter((one) => typeof one === "string").join(" ").toLowerCase();

  const minus = (text) => text.replace("-", "−");
  const scaled = (value, type) => (value === null ? "" : minus(type === "percent" ? (100 * value).toFixed(1) : value.toFixed(3)));
  const duration = (seconds) => {
    if (seconds < 60) return `${seconds.toFixed(0)} s`;
    const minutes = Math.round(seconds / 60);
    return minutes < 60 ? `${minutes} min` : `${Math.floor(minutes / 60)} h ${String(minutes % 60).padStart(2, "0")} min`;
  };
  const time = (seconds) => {
    const at = new Date(1000 * seconds), two = (n) => String(n).padStart(2, "0");
    return `${at.getFullYear()}-${two(at.getMonth() + 1)}-${two(at.getDate())} ${two(at.getHours())}:${two(at.getMinutes())}`;
  };
  const value = (row, id) => {
    const cell = row.cells[id];
    return Array.isArray(cell) ? cell[0] : cell === undefined ? null : cell;
  };
  const make = (tag, properties = {}, ...children) => {
    const element = Object.assign(document.createElement(tag), properties);
    element.append(...children);
    return element;
  };

  function cell(row, column) {
    const found = row.cells[column.id];
    const td = make("td");
    if (found === undefined || found === null) return td;
    if (column.type === "percent" || column.type === "number") {
      td.className = "number";
      td.append(row.href ? make("a", { href: row.href, textContent: scaled(found[0], column.type) }) : scaled(found[0], column.type));
      if (found[1] !== null) td.append(make("small", { textContent: `${scaled(found[1], column.type)} to ${scaled(found[2], column.type)}` }));
    } else if (column.type === "text") {
      td.className = ["changed", "flow_run", "note"].includes(column.id) ? "wide" : "left";
      td.textContent = found;
    } else {
      td.textContent = column.type === "duration" ? duration(found) : column.type === "time" ? time(found) : found;
    }
    return td;
  }

  function chosenRows() {
    const words = state.text.toLowerCase().split(/\s+/).filter(Boolean);
    const found = rows.filter(
      (row) =>
        words.every((word) => row.text.includes(word) || row.id.startsWith(word)) &&
        Object.entries(state.filters).every(([id, wanted]) => wanted === "" || String(row.cells[id] ?? "") === wanted),
    );
    const sign = state.down ? -1 : 1;
    return found.sort((a, b) => {
      const x = value(a, state.sort), y = value(b, state.sort);
      if (x === null || y === null) return (x === null) - (y === null);
      return sign * (typeof x === "string" ? x.localeCompare(y) : x - y);
    });
  }

  const table = document.getElementById("table"), more = document.getElementById("more");
  const button = make("button", { textContent: "Compare", disabled: true });

  function draw() {
    const found = chosenRows(), visible = columns.filter((column) => shown.has(column.id));
    const head = make("tr");
    for (const column of visible) {
      const th = make("th", { textContent: column.title, scope: "col", tabIndex: 0 });
      th.dataset.column = column.id;
      if (column.type === "text") th.className = "left";
      if (column.id === state.sort) th.ariaSort = state.down ? "descending" : "ascending";
      head.append(th);
    }
    const body = make("tbody");
    for (const row of found.slice(0, state.limit)) {
      const tr = make("tr");
      visible.forEach((column, number) => {
        if (number) return tr.append(cell(row, column));
        const th = make("th", { scope: "row" });
        if (compare) {
          const box = make("input", { type: "checkbox", checked: state.chosen.has(row.id), ariaLabel: "choose to compare" });
          box.addEventListener("change", () => {
            state.chosen[box.checked ? "add" : "delete"](row.id);
            button.disabled = state.chosen.size < 2;
          });
          th.append(box);
        }
        const name = String(row.cells[column.id] ?? "");
        th.append(make("span", { className: `swatch ${row.class}` }), row.href ? make("a", { href: row.href, textContent: name }) : name);
        return tr.append(th);
      });
      body.append(tr);
    }
    table.replaceChildren(make("thead", {}, head), body);
    more.replaceChildren(`${found.length.toLocaleString("en")} of ${rows.length.toLocaleString("en")} runs`);
    if (found.length > state.limit) {
      const on = make("button", { textContent: `show ${Math.min(STEP * 5, found.length - state.limit)} more` });
      on.addEventListener("click", () => { state.limit += STEP * 5; draw(); });
      more.append(on);
    }
    const kept = new URLSearchParams({ q: state.text, sort: (state.down ? "-" : "") + state.sort, ...state.filters });
    for (const [name, one] of [...kept]) if (one === "") kept.delete(name);
    history.replaceState(null, "", `#${kept}`);
    document.dispatchEvent(new CustomEvent("shown", { detail: { rows: found, columns } }));
  }

  function sortBy(id) {
    state.down = state.sort === id ? !state.down : columns.find((one) => one.id === id).type !== "text";
    state.sort = id;
    draw();
  }
  table.addEventListener("click", (event) => {
    const head = event.target.closest("thead th");
    if (head) sortBy(head.dataset.column);
  });
  table.addEventListener("keydown", (event) => {
    const head = event.target.closest("thead th");
    if (head && event.key === "Enter") sortBy(head.dataset.column);
  });

  // Tools: search, a choice a filtered column, which columns, compare. The address keeps what was asked.
  const asked = new URLSearchParams(location.hash.slice(1));
  const tools = document.getElementById("tools");
  state.text = asked.get("q") ?? "";
  if (asked.get("sort")) {
    state.down = asked.get("sort").startsWith("-");
    const id = asked.get("sort").replace(/^-/, "");
    if (columns.some((column) => column.id === id)) state.sort = id;
  }
  const search = make("input", { type: "search", placeholder: "search runs", value: state.text, ariaLabel: "Search runs" });
  search.addEventListener("input", () => { state.text = search.value; state.limit = STEP; draw(); });
  tools.append(search);
  for (const column of columns.filter((one) => one.filter)) {
    const values = [...new Set(rows.map((row) => row.cells[column.id]).filter((one) => one !== null && one !== undefined && one !== ""))];
    if (values.length < 2) continue;
    values.sort((a, b) => (typeof a === "number" ? a - b : a.localeCompare(b)));
    const select = make("select", { ariaLabel: column.title }, make("option", { value: "", textContent: `every ${column.title}` }));
    for (const one of values) select.append(make("option", { value: String(one), textContent: column.id === "seed" ? `seed ${one}` : one }));
    state.filters[column.id] = select.value = values.map(String).includes(asked.get(column.id)) ? asked.get(column.id) : "";
    select.addEventListener("change", () => { state.filters[column.id] = select.value; state.limit = STEP; draw(); });
    tools.append(select);
  }
  const boxes = make("div", { className: "boxes" });
  for (const column of columns.slice(1)) {
    const box = make("input", { type: "checkbox", checked: shown.has(column.id) });
    box.addEventListener("change", () => { shown[box.checked ? "add" : "delete"](column.id); draw(); });
    boxes.append(make("label", {}, box, column.title));
  }
  tools.append(make("details", {}, make("summary", { textContent: "columns" }), boxes));
  if (compare) {
    button.addEventListener("click", () => {
      // In the order in which they were made: the older one is what the newer one is compared with.
      const order = rows.filter((row) => state.chosen.has(row.id)).sort((a, b) => a.cells.made - b.cells.made);
      location.href = `${compare}?${order.map((row) => `run=${encodeURIComponent(row.id)}`).join("&")}`;
    });
    tools.append(button);
  }
  document.addEventListener("DOMContentLoaded", draw);
})();
