// html_page.hpp - style sheet and script of the HTML report.
// SPDX-License-Identifier: MIT
#pragma once

#include <string_view>

namespace joulery {
inline namespace v1 {
namespace detail {

/// The eight colors are distinguishable with any of the three color blindnesses and against the
/// background; tests/report/html_colors.py computes the distances.
inline constexpr std::string_view html_style = R"css(
:root{color-scheme:light dark;--bg:#fbfbfa;--card:#ffffff;--text:#1c1d1f;--soft:#5c6068;
--line:#dfe1e5;--accent:#0b62c4;--warn-bg:#fff4d6;--warn-line:#b87a00;--stripe:#f4f5f7;--tint:.3;
--c0:#3886fa;--c1:#865813;--c2:#42194d;--c3:#fb5195;--c4:#267363;--c5:#959504;--c6:#3106e0;
--c7:#630303}
@media screen and (prefers-color-scheme:dark){:root{--bg:#15171a;--card:#1d2024;--text:#e9eaec;
--soft:#a3a8b1;--line:#353a42;--accent:#79b3ff;--warn-bg:#3a2e10;--warn-line:#e2ab3c;
--stripe:#23272c;--tint:.35;
--c0:#e08906;--c1:#b383fc;--c2:#39ac95;--c3:#f9f906;--c4:#bf4040;--c5:#c6c6ec;--c6:#8153c6;
--c7:#a6f2b5}}
*{box-sizing:border-box}
body{margin:0;background:var(--bg);color:var(--text);
font:16px/1.5 system-ui,-apple-system,
"Segoe UI",Roboto,"DejaVu Sans",sans-serif;overflow-wrap:anywhere}
main{max-width:1400px;margin:0 auto;padding:24px 20px 60px}
h1{font-size:1.6rem;line-height:1.25;margin:0 0 4px}
h2{font-size:1.15rem;margin:40px 0 10px}
p{margin:6px 0}.soft{color:var(--soft);font-size:.9rem}
.warnings{background:var(--warn-bg);border-left:4px solid var(--warn-line);border-radius:4px;
padding:12px 16px;margin:18px 0}
.warnings h2{margin:0 0 4px;font-size:1rem}.warnings ul{margin:0;padding-left:20px}
.cards{display:grid;grid-template-columns:repeat(auto-fit,minmax(150px,1fr));gap:12px;
margin:22px 0 0;padding:0;list-style:none}
.cards li{background:var(--card);border:1px solid var(--line);border-radius:8px;padding:12px 14px}
.cards b{display:block;font-size:1.45rem;line-height:1.3;font-variant-numeric:tabular-nums}
.cards em{display:block;font-style:normal}
.cards span{color:var(--soft);font-size:.85rem}
figure{margin:0;background:var(--card);border:1px solid var(--line);border-radius:8px;padding:12px}
svg{display:block}
.label{container-type:inline-size;height:100%;display:flex;align-items:center;padding:0 6px;
font-size:13px;line-height:1.2;pointer-events:none}
.label span{overflow:hidden;text-overflow:ellipsis;white-space:nowrap}
@container (max-width:26px){.label span{display:none}}
.icicle .frame{cursor:pointer}
.icicle rect{stroke:var(--card);stroke-width:1.5px}
.icicle .frame:hover rect,.icicle .frame:focus rect{stroke:var(--accent);stroke-width:3px}
.icicle .frame:focus{outline:none}
.total,.outside{fill:var(--stripe)}
.hue0{--c:var(--c0)}.hue1{--c:var(--c1)}.hue2{--c:var(--c2)}.hue3{--c:var(--c3)}
.hue4{--c:var(--c4)}.hue5{--c:var(--c5)}.hue6{--c:var(--c6)}.hue7{--c:var(--c7)}
.dash1{stroke-dasharray:10 4}.dash2{stroke-dasharray:4 4}.dash3{stroke-dasharray:14 4 3 4}
.dash4{stroke-dasharray:2 4}.dash5{stroke-dasharray:8 3 2 3 2 3}.dash6{stroke-dasharray:18 5}
.dash7{stroke-dasharray:6 6}
rect[class^=hue]{fill:var(--c);fill-opacity:var(--tint)}
polyline,.legend line{fill:none;stroke:var(--c);stroke-width:2.2px;vector-effect:non-scaling-stroke}
.contained{stroke-width:1.1px!important;opacity:.85}
.plot{display:flex}.plot .power{flex:1 1 0;min-width:0;overflow:visible}.scale{flex:none}
.power>line{stroke:var(--line)}
.power>.cursor{stroke:var(--text);visibility:hidden}.power>.cursor.on{visibility:visible}
.axis{fill:var(--soft);font-size:12px}
.call rect{stroke:var(--card);stroke-width:1px}
.legend{list-style:none;display:flex;flex-wrap:wrap;gap:4px 20px;padding:0;margin:10px 0 0;
font-size:.87rem}
.legend svg{display:inline-block;vertical-align:middle;margin-right:7px}
.legend b{font-variant-numeric:tabular-nums}
.tools{display:none;gap:10px;align-items:center;margin:0 0 8px;flex-wrap:wrap}
.js .tools{display:flex}
input,button{font:inherit;color:inherit}
.tools input,.tools button{background:var(--card);border:1px solid var(--line);border-radius:6px;
padding:5px 10px}
.tools input{min-width:0;flex:0 1 280px}
.tools input[type=range]{padding:0;flex:1 1 200px;accent-color:var(--accent)}
.moment{margin:10px 0 0 62px}.moment label{display:flex;flex:1 1 300px;gap:10px}
.tools button{cursor:pointer}.tools button:disabled{opacity:.5;cursor:default}
:focus-visible{outline:2px solid var(--accent);outline-offset:1px}
.scroll{overflow-x:auto;background:var(--card);border:1px solid var(--line);border-radius:8px}
table{border-collapse:collapse;width:100%;font-size:.88rem;font-variant-numeric:tabular-nums}
th,td{padding:6px 9px;text-align:right;white-space:nowrap;border-bottom:1px solid var(--line)}
tr:last-child>*{border-bottom:0}
tbody tr:hover>*{background:var(--stripe)}
thead th{color:var(--soft);font-weight:600}
th:first-child,.left{text-align:left}
tbody th{font-weight:500;white-space:normal;min-width:150px}
tfoot>tr>*{font-weight:600;border-top:1px solid var(--line)}
.prefix{display:none;color:var(--soft)}.flat .prefix{display:inline}
.flat tbody th{padding-left:10px!important}
.folded tr.more,[hidden],.rest{display:none}.folded .rest{display:table-row}
.rest>*{color:var(--soft)}
th button{background:none;border:0;padding:0;cursor:pointer;font-weight:600;color:inherit}
th button::after{content:"\2195";opacity:.45;margin-left:4px}
[aria-sort=ascending] button::after{content:"\2191";opacity:1}
[aria-sort=descending] button::after{content:"\2193";opacity:1}
.badge{border:1px solid var(--line);border-radius:10px;padding:0 8px;font-size:.8rem;
white-space:nowrap;color:var(--soft)}
.badge.estimated,.badge.partial{border-color:var(--warn-line);color:inherit}
dl{display:grid;grid-template-columns:max-content 1fr;gap:4px 18px;margin:0}
dt{color:var(--soft)}dd{margin:0}
footer{margin-top:44px;color:var(--soft);font-size:.85rem}
@media (max-width:640px){main{padding:16px 12px 40px}.wide{display:none}th,td{padding:6px 7px}
dl{grid-template-columns:1fr;gap:0}.moment{margin-left:0}
dd{margin-bottom:8px}tbody th{min-width:130px}h2{margin-top:30px}
.left{white-space:normal;overflow-wrap:break-word}}
@media print{.tools{display:none!important}body{background:#fff;color:#000;font-size:11pt}
main{max-width:none;padding:0}.wide{display:table-cell}h2{break-after:avoid;margin-top:22pt}
figure,.cards,.warnings,dl,tr{break-inside:avoid}thead{display:table-header-group}
tfoot{display:table-row-group}#scopes tr>:last-child{display:none}.scroll{overflow:visible;border:0}
table{font-size:6.5pt}th,td{padding:2pt 2.4pt}tbody th{min-width:0}
.badge{font-size:inherit;padding:0;border:0}
th button::after{content:none}.power>.cursor{visibility:hidden!important}}
)css";

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
  // One stop for the Tab key; arrow keys move from there: up and down the tree, along a level.
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

  // The watts at one moment, chosen by pointer or slider, in the legend; read off the lines.
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

  // Rows of a table, sorted, and those of a path alone. With very many scopes the page has only the
  // first ones and all of them as text, which is read when they are requested; only as many are
  // shown at once as a browser lays out quickly.
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
