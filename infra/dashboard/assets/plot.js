// A score over time, over seeds or over another figure: one point a run of the table as it is filtered, with its
// interval. Drawn as SVG in the page's colours; a point leads to its run.
"use strict";

(() => {
  const figure = document.getElementById("plot");
  if (!figure) return;
  const HEIGHT = 260, LEFT = 52, RIGHT = 14, TOP = 12, BOTTOM = 34, MOST = 3000;
  const choice = { x: "made", y: "general" };
  let latest = null;

  const svg = (tag, attributes, ...children) => {
    const element = document.createElementNS("http://www.w3.org/2000/svg", tag);
    for (const [name, one] of Object.entries(attributes)) element.setAttribute(name, one);
    element.append(...children);
    return element;
  };
  const parts = (row, id) => {
    const cell = row.cells[id];
    if (cell === undefined || cell === null || typeof cell === "string") return null;
    return Array.isArray(cell) ? cell : [cell, null, null];
  };
  const ticks = (low, high, type) => {
    if (type === "time") {
      // Whole minutes, hours and days of this clock.
      const step = [60, 300, 900, 3600, 4 * 3600, 86400, 7 * 86400, 30 * 86400, 91 * 86400, 365 * 86400].find((one) => (high - low) / one <= 9) ?? 3650 * 86400;
      const offset = 60 * new Date(1000 * low).getTimezoneOffset(), found = [];
      for (let at = Math.ceil((low - offset) / step) * step + offset; at <= high; at += step) found.push(at);
      return found;
    }
    const raw = (high - low) / 5, power = 10 ** Math.floor(Math.log10(raw)), ratio = raw / power;
    const step = power * (ratio > 5 ? 10 : ratio > 2 ? 5 : ratio > 1 ? 2 : 1), found = [];
    for (let at = Math.ceil(low / step) * step; at <= high + step / 1e6; at += step) found.push(at);
    return found;
  };
  const said = (value, type, span) => {
    if (type === "percent") return `${(100 * value).toFixed(span < 0.05 ? 1 : 0)}`.replace("-", "−");
    if (type === "time") {
      const at = new Date(1000 * value), two = (n) => String(n).padStart(2, "0");
      const day = `${two(at.getMonth() + 1)}-${two(at.getDate())}`;
      return span < 172800 ? `${day} ${two(at.getHours())}:${two(at.getMinutes())}` : day;
    }
    if (type === "duration") return `${Math.round(value / 60)} min`;
    return String(Number(value.toPrecision(4))).replace("-", "−");
  };

  function draw() {
    const { rows, columns } = latest;
    const column = (id) => columns.find((one) => one.id === id);
    const [x, y] = [column(choice.x), column(choice.y)];
    const points = rows.filter((row) => parts(row, x.id) && parts(row, y.id)).slice(0, MOST);
    const width = Math.max(320, figure.clientWidth);
    const drawn = svg("svg", { viewBox: `0 0 ${width} ${HEIGHT}`, role: "img", "aria-label": `${y.title} over ${x.title}, ${points.length} runs` });
    if (points.length) {
      const range = (id, whiskers) => {
        const all = points.flatMap((row) => (whiskers ? parts(row, id) : parts(row, id).slice(0, 1)).filter((one) => one !== null));
        const low = all.reduce((a, b) => Math.min(a, b)), high = all.reduce((a, b) => Math.max(a, b));
        const pad = (high - low) * 0.04 || Math.abs(high) * 0.05 || 1;
        return [low - pad, high + pad];
      };
      const [x0, x1] = range(x.id, false), [y0, y1] = range(y.id, true);
      const px = (one) => LEFT + ((one - x0) / (x1 - x0)) * (width - LEFT - RIGHT);
      const py = (one) => HEIGHT - BOTTOM - ((one - y0) / (y1 - y0)) * (HEIGHT - TOP - BOTTOM);
      for (const at of ticks(y0, y1)) {
        drawn.append(svg("line", { class: "grid", x1: LEFT, x2: width - RIGHT, y1: py(at), y2: py(at) }));
        drawn.append(svg("text", { x: LEFT - 7, y: py(at) + 4, "text-anchor": "end" }, said(at, y.type, y1 - y0)));
      }
      drawn.append(svg("line", { class: "axis", x1: LEFT, x2: width - RIGHT, y1: HEIGHT - BOTTOM, y2: HEIGHT - BOTTOM }));
      for (const at of ticks(x0, x1, x.type).filter((one) => x.type !== "integer" || Number.isInteger(one)))
        if (px(at) < width - 40) drawn.append(svg("text", { x: px(at), y: HEIGHT - 14, "text-anchor": "middle" }, said(at, x.type, x1 - x0)));
      // Whiskers only where they can be told apart; runs of one seed are set beside each other by method.
      const methods = [...new Set(points.map((row) => row.class))].sort();
      const aside = (row) => (x.type === "integer" ? (methods.indexOf(row.class) - (methods.length - 1) / 2) * 7 : 0);
      for (const row of points) {
        const [value, low, high] = parts(row, y.id), at = px(parts(row, x.id)[0]) + aside(row);
        const link = svg("a", row.href ? { href: row.href } : {});
        if (low !== null && points.length <= 400) link.append(svg("line", { class: `whisker ${row.class}`, x1: at, x2: at, y1: py(low), y2: py(high) }));
        const name = `${row.cells.method}${row.cells.seed === null ? "" : `, seed ${row.cells.seed}`}: ${said(value, y.type, 0)}`;
        link.append(svg("circle", { class: `dot ${row.class}`, cx: at, cy: py(value), r: points.length > 400 ? 2.5 : 4 }, svg("title", {}, name)));
        drawn.append(link);
      }
    }
    figure.querySelector("svg")?.remove();
    figure.querySelector(".key-list")?.remove();
    const list = document.createElement("div");
    list.className = "key-list";
    for (const [name, style] of new Map(points.map((row) => [row.cells.method, row.class]))) {
      const item = document.createElement("span"), dot = document.createElement("span");
      dot.className = `swatch ${style}`;
      item.append(dot, name);
      list.append(item);
    }
    figure.append(drawn, list);
  }

  function tools(columns) {
    const bar = document.createElement("div");
    bar.className = "tools";
    for (const [axis, name] of [["y", "plot"], ["x", "over"]]) {
      const select = document.createElement("select"), label = document.createElement("label");
      const usable = columns.filter((one) => one.type !== "text" && (axis === "x" || !["made", "integer"].includes(one.id)));
      for (const one of usable) select.append(new Option(one.title, one.id, false, one.id === choice[axis]));
      select.addEventListener("change", () => { choice[axis] = select.value; draw(); });
      label.append(name, select);
      bar.append(label);
    }
    figure.prepend(bar);
  }

  document.addEventListener("shown", (event) => {
    if (latest === null) tools(event.detail.columns);
    latest = event.detail;
    draw();
  });
  window.addEventListener("resize", () => latest && draw());
})();
