// Tables sort by the column that is clicked; gallery buttons show one group at a time.
"use strict";

function cellValue(row, column) {
  const cell = row.cells[column];
  const number = Number(cell.dataset.value);
  return cell.dataset.value === undefined || Number.isNaN(number) ? cell.textContent : number;
}

for (const header of document.querySelectorAll("th[data-sort]")) {
  header.addEventListener("click", () => {
    const body = header.closest("table").tBodies[0];
    const column = header.cellIndex;
    const sign = header.dataset.sort === "down" ? 1 : -1;
    header.dataset.sort = sign === 1 ? "up" : "down";
    const rows = [...body.rows].sort((a, b) => {
      const [x, y] = [cellValue(a, column), cellValue(b, column)];
      return sign * (typeof x === "number" && typeof y === "number" ? x - y : String(x).localeCompare(String(y)));
    });
    body.append(...rows);
  });
}

for (const button of document.querySelectorAll("button[data-group]")) {
  button.addEventListener("click", () => {
    const section = button.closest("section");
    for (const other of section.querySelectorAll("button[data-group]")) {
      other.setAttribute("aria-pressed", String(other === button));
    }
    for (const gallery of section.querySelectorAll(".gallery")) {
      gallery.hidden = gallery.dataset.group !== button.dataset.group;
    }
  });
}
