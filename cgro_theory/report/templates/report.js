
"use strict";
(function () {
  document.documentElement.classList.add("scripted");
  const table = document.getElementById("verdict-table");
  const body = table.tBodies[0];
  const headings = Array.from(table.tHead.rows[0].cells);

  function key(row, column, kind) {
    const cell = row.cells[column];
    const text = cell.dataset.sort === undefined ? cell.textContent.trim() : cell.dataset.sort;
    return kind === "number" ? (text === "" ? NaN : Number(text)) : text;
  }

  function compare(a, b, kind) {
    if (kind !== "number") return a.localeCompare(b);
    return a - b;
  }

  function sortBy(column) {
    const heading = headings[column];
    const kind = heading.dataset.kind;
    const direction = heading.getAttribute("aria-sort") === "ascending" ? -1 : 1;
    headings.forEach((other) => other.removeAttribute("aria-sort"));
    heading.setAttribute("aria-sort", direction === 1 ? "ascending" : "descending");
    const rows = Array.from(body.rows).map((row, index) => ({ row, index, value: key(row, column, kind) }));
    // Missing numbers stand last in both directions.
    rows.sort((a, b) => {
      const missing = Number(Number.isNaN(a.value)) - Number(Number.isNaN(b.value));
      return missing || direction * (Number.isNaN(a.value) ? 0 : compare(a.value, b.value, kind)) || a.index - b.index;
    });
    rows.forEach((entry) => body.append(entry.row));
  }

  headings.forEach((heading, column) => {
    heading.querySelector("button").addEventListener("click", () => sortBy(column));
  });

  const form = document.getElementById("filters");
  const text = document.getElementById("filter-text");
  const room = document.getElementById("filter-room");
  const status = document.getElementById("filter-status");
  const paper = document.getElementById("filter-paper");
  const count = document.getElementById("filter-count");

  function filter() {
    const words = text.value.toLowerCase().split(/\s+/).filter(Boolean);
    let shown = 0;
    for (const row of body.rows) {
      const fits = words.every((word) => row.dataset.text.includes(word)) &&
        (!room.value || row.dataset.room === room.value) &&
        (!status.value || row.dataset.status === status.value) &&
        (!paper.checked || row.dataset.paper !== undefined);
      row.hidden = !fits;
      shown += Number(fits);
    }
    count.textContent = shown + " of " + body.rows.length + " claims";
  }

  form.addEventListener("input", filter);
  form.addEventListener("submit", (event) => event.preventDefault());
  form.addEventListener("reset", () => setTimeout(filter, 0));
  filter();

  // A box of the graph, pointed at or focused, shows what it rests on and what rests on it.
  document.querySelectorAll(".graph").forEach((graph) => {
    const edges = Array.from(graph.querySelectorAll(".edge"));
    const nodes = Array.from(graph.querySelectorAll(".node"));

    function reach(start, from, to) {
      const found = new Set([start]);
      const waiting = [start];
      const passed = [];
      while (waiting.length) {
        const label = waiting.pop();
        for (const edge of edges) {
          if (edge.dataset[from] !== label) continue;
          passed.push(edge);
          if (!found.has(edge.dataset[to])) {
            found.add(edge.dataset[to]);
            waiting.push(edge.dataset[to]);
          }
        }
      }
      return { found, passed };
    }

    function trace(label) {
      const above = reach(label, "to", "from");
      const below = reach(label, "from", "to");
      const near = new Set([...above.passed, ...below.passed]);
      graph.classList.add("tracing");
      edges.forEach((edge) => edge.classList.toggle("near", near.has(edge)));
      nodes.forEach((node) => {
        const name = node.dataset.node;
        node.classList.toggle("near", above.found.has(name) || below.found.has(name));
      });
    }

    nodes.forEach((node) => {
      for (const event of ["pointerenter", "focus"]) node.addEventListener(event, () => trace(node.dataset.node));
      for (const event of ["pointerleave", "blur"]) node.addEventListener(event, () => graph.classList.remove("tracing"));
    });
  });

  // What a link leads to is shown: it and everything that it is folded into are opened.
  function unfold() {
    const target = document.getElementById(decodeURIComponent(location.hash.slice(1)));
    if (!target) return;
    const inside = target.matches("article") ? target.querySelector("details") : null;
    if (inside) inside.open = true;
    let moved = false;
    for (let above = target.closest("details"); above; above = above.parentElement.closest("details")) {
      moved = moved || !above.open;
      above.open = true;
    }
    if (moved || inside) target.scrollIntoView();
  }

  window.addEventListener("hashchange", unfold);
  document.addEventListener("click", (event) => {
    const link = event.target.closest ? event.target.closest('a[href^="#"]') : null;
    if (link && link.getAttribute("href") === location.hash) unfold();
  });
  unfold();

  let opened = [];
  window.addEventListener("beforeprint", () => {
    opened = Array.from(document.querySelectorAll("details:not([open])"));
    opened.forEach((details) => { details.open = true; });
  });
  window.addEventListener("afterprint", () => opened.forEach((details) => { details.open = false; }));
})();
