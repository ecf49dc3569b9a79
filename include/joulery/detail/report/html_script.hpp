// html_script.hpp - zooming, sorting and filtering in the HTML report.
// SPDX-License-Identifier: MIT
#pragma once

#include <string_view>

namespace joulery {
inline namespace v1 {
namespace detail {

/// Plain JavaScript without libraries; everything it needs stands in data- attributes. Without it
/// the page shows the same pictures and tables, unsorted.
inline constexpr std::string_view html_script = R"js(
(function () {
  "use strict";
  document.documentElement.classList.add("js");
  var all = function (selector, from) {
    return Array.prototype.slice.call((from || document).querySelectorAll(selector));
  };

  var frames = all(".icicle .frame");
  var status = document.getElementById("zoom-status");
  var reset = document.getElementById("zoom-reset");
  function number(frame, key) { return parseFloat(frame.getAttribute("data-" + key)); }
  function zoom(target) {
    var x = number(target, "x"), w = number(target, "w"), level = number(target, "level");
    frames.forEach(function (frame) {
      var fx = number(frame, "x"), fw = number(frame, "w");
      var encloses = number(frame, "level") < level && fx <= x + 1e-9 && fx + fw >= x + w - 1e-9;
      var inside = fx < x + w - 1e-9 && fx + fw > x + 1e-9;
      var shown = target === frame || encloses || (inside && number(frame, "level") > level);
      frame.style.display = shown ? "" : "none";
      frame.setAttribute("x", (encloses ? 0 : (fx - x) / w * 100) + "%");
      frame.setAttribute("width", (encloses ? 100 : fw / w * 100) + "%");
    });
    var whole = target === frames[0];
    if (reset) reset.disabled = whole;
    if (status) status.textContent = whole ? "" : "Zoomed to " + target.getAttribute("data-path");
  }
  frames.forEach(function (frame) {
    frame.setAttribute("tabindex", "0");
    frame.setAttribute("role", "button");
    frame.addEventListener("click", function () { zoom(frame); });
    frame.addEventListener("keydown", function (event) {
      if (event.key === "Enter" || event.key === " ") { event.preventDefault(); zoom(frame); }
    });
  });
  if (frames.length && reset) {
    reset.addEventListener("click", function () { zoom(frames[0]); });
    document.addEventListener("keydown", function (event) {
      if (event.key === "Escape") zoom(frames[0]);
    });
  }

  all("table.sortable").forEach(function (table) {
    var body = table.tBodies[0];
    var original = all("tr", body);
    var heads = all("thead th", table);
    function value(row, column) {
      var cell = row.cells[column];
      var raw = cell.getAttribute("data-v");
      if (raw === null) return cell.textContent.trim().toLowerCase();
      return raw === "" ? -Infinity : parseFloat(raw);
    }
    function sort(column, direction) {
      heads.forEach(function (head) { head.removeAttribute("aria-sort"); });
      table.classList.toggle("flat", direction !== "");
      var rows = original.slice();
      if (direction !== "") {
        heads[column].setAttribute("aria-sort", direction);
        var sign = direction === "ascending" ? 1 : -1;
        rows.sort(function (a, b) {
          var x = value(a, column), y = value(b, column);
          return x < y ? -sign : x > y ? sign : original.indexOf(a) - original.indexOf(b);
        });
      }
      rows.forEach(function (row) { body.appendChild(row); });
    }
    heads.forEach(function (head, column) {
      var button = document.createElement("button");
      button.type = "button";
      button.textContent = head.textContent;
      head.textContent = "";
      head.appendChild(button);
      button.addEventListener("click", function () {
        var now = head.getAttribute("aria-sort");
        var first = column === 0 ? "ascending" : "descending";
        var second = column === 0 ? "descending" : "ascending";
        sort(column, now === first ? second : now === second ? "" : first);
      });
    });
  });

  var filter = document.getElementById("filter");
  var found = document.getElementById("filter-status");
  if (filter) filter.addEventListener("input", function () {
    var wanted = filter.value.toLowerCase();
    var rows = all("#scopes tbody tr"), shown = 0;
    rows.forEach(function (row) {
      row.hidden = row.getAttribute("data-path").toLowerCase().indexOf(wanted) < 0;
      if (!row.hidden) ++shown;
    });
    document.getElementById("scopes").classList.toggle("flat", wanted !== "" ||
        !!document.querySelector("#scopes [aria-sort]"));
    found.textContent = wanted ? shown + " of " + rows.length + " scopes" : "";
  });
})();
)js";

}  // namespace detail
}  // namespace v1
}  // namespace joulery
