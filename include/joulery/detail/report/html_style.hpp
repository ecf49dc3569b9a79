// html_style.hpp - how the HTML report looks: light and dark, wide and narrow.
// SPDX-License-Identifier: MIT
#pragma once

#include <string_view>

namespace joulery {
inline namespace v1 {
namespace detail {

inline constexpr std::string_view html_style = R"css(
:root{color-scheme:light dark;--bg:#fbfbfa;--card:#fff;--text:#1c1d1f;--soft:#5c6068;--line:#dfe1e5;
--accent:#0b62c4;--warn-bg:#fff4d6;--warn-line:#b87a00;--stripe:#f4f5f7;--sat:62%;--light:80%}
@media (prefers-color-scheme:dark){:root{--bg:#15171a;--card:#1d2024;--text:#e9eaec;--soft:#a3a8b1;
--line:#353a42;--accent:#79b3ff;--warn-bg:#3a2e10;--warn-line:#e2ab3c;--stripe:#23272c;--sat:38%;
--light:31%}}
*{box-sizing:border-box}
body{margin:0;background:var(--bg);color:var(--text);
font:16px/1.5 system-ui,-apple-system,
"Segoe UI",Roboto,"DejaVu Sans",sans-serif;overflow-wrap:anywhere}
main{max-width:1180px;margin:0 auto;padding:24px 20px 60px}
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
.cards span{color:var(--soft);font-size:.85rem}
figure{margin:0;background:var(--card);border:1px solid var(--line);border-radius:8px;padding:12px}
svg{display:block}
svg text{fill:var(--text);font-size:13px}
.icicle .frame{cursor:pointer}
.icicle rect{stroke:var(--card);stroke-width:1.5px}
.icicle .frame:hover rect,.icicle .frame:focus rect{stroke:var(--accent);stroke-width:3px}
.icicle .frame:focus{outline:none}
.total{fill:var(--stripe)}.outside{fill:var(--stripe)}
.hue0{--hue:28}.hue1{--hue:205}.hue2{--hue:95}.hue3{--hue:345}.hue4{--hue:265}.hue5{--hue:175}
.hue6{--hue:55}.hue7{--hue:310}
rect[class^=hue],.band rect,.swatch{fill:hsl(var(--hue) var(--sat) var(--light));
background:hsl(var(--hue) var(--sat) var(--light))}
.power polyline{fill:none;stroke:hsl(var(--hue) 70% 45%);stroke-width:2px;
vector-effect:non-scaling-stroke}
@media (prefers-color-scheme:dark){.power polyline{stroke:hsl(var(--hue) 70% 62%)}}
.power polyline.contained{stroke-dasharray:5 4;opacity:.8}
.plot{display:flex}.plot .power{flex:1 1 0;min-width:0}.scale{flex:none}
.power line{stroke:var(--line)}.axis{fill:var(--soft)!important;font-size:12px!important}
.band rect{opacity:.45}
.legend{list-style:none;display:flex;flex-wrap:wrap;gap:4px 18px;padding:0;margin:8px 0 0;
font-size:.87rem}
.legend i{display:inline-block;width:14px;height:4px;border-radius:2px;margin-right:6px;
vertical-align:middle;background:hsl(var(--hue) 70% 45%)}
@media (prefers-color-scheme:dark){.legend i{background:hsl(var(--hue) 70% 62%)}}
.tools{display:none;gap:10px;align-items:center;margin:0 0 8px;flex-wrap:wrap}
.js .tools{display:flex}
input,button{font:inherit;color:inherit}
.tools input,.tools button{background:var(--card);border:1px solid var(--line);border-radius:6px;
padding:5px 10px}
.tools input{min-width:0;flex:0 1 280px}
.tools button{cursor:pointer}.tools button:disabled{opacity:.5;cursor:default}
:focus-visible{outline:2px solid var(--accent);outline-offset:1px}
.scroll{overflow-x:auto;background:var(--card);border:1px solid var(--line);border-radius:8px}
table{border-collapse:collapse;width:100%;font-size:.9rem;font-variant-numeric:tabular-nums}
th,td{padding:6px 10px;text-align:right;white-space:nowrap;border-bottom:1px solid var(--line)}
tr:last-child>*{border-bottom:0}
tbody tr:hover>*{background:var(--stripe)}
thead th{color:var(--soft);font-weight:600}
th:first-child,.left{text-align:left}
tbody th{font-weight:500;white-space:normal;min-width:150px}
tfoot>tr>*{font-weight:600;border-top:1px solid var(--line)}
.prefix{display:none;color:var(--soft)}.flat .prefix{display:inline}
.flat tbody th{padding-left:10px!important}
th button{background:none;border:0;padding:0;cursor:pointer;font-weight:600;color:inherit}
th button::after{content:"\2195";opacity:.45;margin-left:4px}
[aria-sort=ascending] button::after{content:"\2191";opacity:1}
[aria-sort=descending] button::after{content:"\2193";opacity:1}
.mark{border:1px solid var(--line);border-radius:10px;padding:0 8px;font-size:.8rem;
color:var(--soft)}
.mark.estimated,.mark.partial{border-color:var(--warn-line);color:inherit}
dl{display:grid;grid-template-columns:max-content 1fr;gap:4px 18px;margin:0}
dt{color:var(--soft)}dd{margin:0}
footer{margin-top:44px;color:var(--soft);font-size:.85rem}
@media (max-width:640px){main{padding:16px 12px 40px}.wide{display:none}th,td{padding:6px 7px}
dl{grid-template-columns:1fr;gap:0}
dd{margin-bottom:8px}tbody th{min-width:130px}h2{margin-top:30px}}
@media print{.tools{display:none!important}body{background:#fff;color:#000}}
)css";

}  // namespace detail
}  // namespace v1
}  // namespace joulery
