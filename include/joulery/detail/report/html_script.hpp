// html_script.hpp - zooming, sorting and filtering in the HTML report.
// SPDX-License-Identifier: MIT
#pragma once

#include <string_view>

namespace joulery {
inline namespace v1 {
namespace detail {

/// Plain JavaScript without libraries; its data is in data- attributes and lines of text. Without
/// it the page shows the same pictures and tables, unsorted.
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
  // One stop for the Tab key; the arrows go on from there: up and down the tree, along a level.
  function next(frame, key) {
    var level = number(frame, "level"), x = number(frame, "x"), w = number(frame, "w");
    var step = key === "ArrowDown" ? 1 : key === "ArrowUp" ? -1 : 0;
    var fit = frames.filter(function (other) {
      var ox = number(other, "x"), ow = number(other, "w");
      if (other.style.display === "none" || number(other, "level") !== level + step) return false;
      if (key === "ArrowLeft") return ox < x - 1e-9;
      if (key === "ArrowRight") return ox > x + 1e-9;
      return ox < x + w - 1e-9 && ox + ow > x + 1e-9;
    });
    return key === "ArrowLeft" ? fit[fit.length - 1] : fit[0];
  }
  frames.sort(function (a, b) {
    return number(a, "level") - number(b, "level") || number(a, "x") - number(b, "x");
  });
  frames.forEach(function (frame, i) {
    frame.setAttribute("tabindex", i === 0 ? "0" : "-1");
    frame.setAttribute("role", "button");
    frame.addEventListener("click", function () { zoom(frame); });
    frame.addEventListener("keydown", function (event) {
      if (event.key === "Enter" || event.key === " ") { event.preventDefault(); zoom(frame); }
      if (event.key.indexOf("Arrow") !== 0) return;
      var other = next(frame, event.key);
      event.preventDefault();
      if (!other) return;
      frame.setAttribute("tabindex", "-1");
      other.setAttribute("tabindex", "0");
      other.focus();
    });
  });
  if (frames.length && reset) {
    reset.addEventListener("click", function () { zoom(frames[0]); });
    document.addEventListener("keydown", function (event) {
      if (event.key === "Escape") zoom(frames[0]);
    });
  }

  // Watts of one moment, by pointer or slider, in the legend; read off the lines themselves.
  var chart = document.querySelector(".power");
  var slider = document.getElementById("moment");
  if (chart && slider) {
    var steps = number(chart, "steps"), top = number(chart, "top");
    var begin = number(chart, "begin"), length = number(chart, "length");
    var cursor = chart.querySelector(".cursor");
    var said = document.getElementById("moment-time");
    var lines = all("polyline", chart).map(function (line) {
      return { series: line.getAttribute("data-series"),
               points: line.getAttribute("points").split(" ").map(function (p) {
                 return p.split(",").map(parseFloat); }) };
    });
    var watts = function (series, x) {
      var found = null;
      lines.forEach(function (line) {
        var p = line.points;
        if (line.series !== series || x < p[0][0] || x > p[p.length - 1][0]) return;
        for (var i = 1; i < p.length; i += 2)
          if (p[i][0] >= x) { found = (1000 - p[i][1]) / 1000 * top; return; }
      });
      return found;
    };
    var short = function (value, unit, names) {
      var i = names.indexOf(unit);
      while (value >= 999.5 && i < names.length - 1) { value /= 1000; ++i; }
      while (value > 0 && value < 0.9995 && i > 0) { value *= 1000; --i; }
      return String(parseFloat(value.toPrecision(3))) + "\u00a0" + names[i];
    };
    var time = function (s) {
      return s < 120 ? short(s, "s", ["ns", "\u00b5s", "ms", "s"])
           : s < 7200 ? parseFloat((s / 60).toPrecision(3)) + "\u00a0min"
           : parseFloat((s / 3600).toPrecision(3)) + "\u00a0h";
    };
    var show = function (step) {
      var x = (step + 0.5) / steps, values = [];
      all(".legend li").forEach(function (item) {
        var w = watts(item.getAttribute("data-series"), x * 1000);
        var text = w === null ? "not measured" : short(w, "W", ["\u00b5W", "mW", "W", "kW", "MW"]);
        item.querySelector("b").textContent = text;
        values.push(item.querySelector("bdi").textContent + " " + text);
      });
      cursor.setAttribute("x1", x * 100 + "%");
      cursor.setAttribute("x2", x * 100 + "%");
      cursor.classList.add("on");
      said.textContent = time(begin + x * length);
      slider.setAttribute("aria-valuetext", said.textContent + ": " + values.join(", "));
    };
    slider.max = steps - 1;
    slider.addEventListener("input", function () { show(parseInt(slider.value, 10)); });
    slider.addEventListener("focus", function () { show(parseInt(slider.value, 10)); });
    chart.addEventListener("pointermove", function (event) {
      var box = chart.getBoundingClientRect();
      var step = Math.floor((event.clientX - box.left) / box.width * steps);
      step = Math.max(0, Math.min(steps - 1, step));
      slider.value = step;
      show(step);
    });
  }

  // Rows of a table, sorted and those of a path alone. Of very many scopes the page has only the
  // first ones, and all as a text: it is read when they are asked for, and only so many are shown
  // at once as a browser lays out quickly.
  var most = 1000;
  var unfolding = document.getElementById("unfold");
  all("table.sortable").forEach(function (table) {
    var body = table.tBodies[0], heads = all("thead th", table);
    var lists_scopes = table.id === "scopes";
    var text = lists_scopes && document.getElementById("all-scopes");
    var rows = null, places = new Map();
    var column = 0, direction = "", wanted = "", limit = most;
    function load() {
      if (rows) return;
      var from = body;
      if (text) {
        var holder = document.createElement("template");
        holder.innerHTML = text.textContent;
        from = holder.content;
      }
      rows = all(lists_scopes ? "tr[data-path]" : "tr", from);
      rows.forEach(function (row, i) { places.set(row, i); });
    }
    function value(row) {
      var cell = row.cells[column];
      var raw = cell.getAttribute("data-v");
      if (raw === null) return cell.textContent.trim().toLowerCase();
      return raw === "" ? -Infinity : parseFloat(raw);
    }
    function sort(list) {
      var sign = direction === "ascending" ? 1 : -1, keys = new Map();
      list.forEach(function (row) { keys.set(row, value(row)); });
      list.sort(function (a, b) {
        var x = keys.get(a), y = keys.get(b);
        return x < y ? -sign : x > y ? sign : places.get(a) - places.get(b);
      });
    }
    function line_for(left) {
      var row = document.createElement("tr"), cell = document.createElement("td");
      var button = document.createElement("button");
      cell.colSpan = heads.length;
      cell.className = "left";
      button.type = "button";
      button.textContent = "Show " + Math.min(left, most) + " more of " + left;
      button.addEventListener("click", function () { limit += most; draw(); });
      cell.appendChild(button);
      row.appendChild(cell);
      return row;
    }
    function draw() {
      load();
      table.classList.remove("folded");
      if (lists_scopes && unfolding) unfolding.hidden = true;
      var list = wanted === "" ? rows.slice() : rows.filter(function (row) {
        return row.getAttribute("data-path").toLowerCase().indexOf(wanted) >= 0;
      });
      if (direction !== "") sort(list);
      table.classList.toggle("flat", wanted !== "" || direction !== "");
      var shown = document.createDocumentFragment();
      list.slice(0, limit).forEach(function (row) { shown.appendChild(row); });
      if (list.length > limit) shown.appendChild(line_for(list.length - limit));
      body.textContent = "";
      body.appendChild(shown);
      return list.length;
    }
    heads.forEach(function (head, i) {
      var button = document.createElement("button");
      button.type = "button";
      button.textContent = head.textContent;
      head.textContent = "";
      head.appendChild(button);
      button.addEventListener("click", function () {
        var now = head.getAttribute("aria-sort");
        var first = i === 0 ? "ascending" : "descending";
        var second = i === 0 ? "descending" : "ascending";
        direction = now === first ? second : now === second ? "" : first;
        column = i;
        limit = most;
        heads.forEach(function (other) { other.removeAttribute("aria-sort"); });
        if (direction !== "") head.setAttribute("aria-sort", direction);
        draw();
      });
    });
    if (!lists_scopes) return;
    if (unfolding) {
      table.classList.add("folded");
      unfolding.hidden = false;
      unfolding.addEventListener("click", draw);
    }
    var filter = document.getElementById("filter");
    var found = document.getElementById("filter-status");
    if (filter) filter.addEventListener("input", function () {
      wanted = filter.value.toLowerCase();
      limit = most;
      var count = draw();
      found.textContent = wanted === "" ? "" : count > 0 ? count + " of " + rows.length + " scopes"
          : "No path has \u201c" + filter.value + "\u201d in it";
    });
  });
})();
)js";

}  // namespace detail
}  // namespace v1
}  // namespace joulery
