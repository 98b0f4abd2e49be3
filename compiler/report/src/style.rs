//! How the page looks, at any width, by day and by night.

pub(crate) const STYLE: &str = "\
:root{color-scheme:light dark;--fg:#1c1e21;--dim:#646c75;--line:#d5d9de;--bar:#2f6f9f;--two:#7aa6c2;--three:#b9cfdc;--soft:#2f6f9f33;--track:#edf0f2;--bad:#b4540a;--bg:#fff}\
@media(prefers-color-scheme:dark){:root{--fg:#e4e6e9;--dim:#9aa2ab;--line:#3a3f45;--bar:#6aa9d6;--two:#477a9e;--three:#2f5068;--soft:#6aa9d640;--track:#24282c;--bad:#f0a35c;--bg:#16181b}}\
*{box-sizing:border-box}\
body{font:15px/1.5 system-ui,sans-serif;color:var(--fg);background:var(--bg);max-width:84rem;margin:1.5rem auto;padding:0 1rem;overflow-wrap:anywhere}\
h1{font-size:1.5rem;margin-bottom:.2rem}h2{font-size:1.2rem;margin:2rem 0 .5rem}h3{font-size:1rem;margin:1rem 0 .3rem}\
code,pre{font-size:.87em}pre{white-space:pre-wrap;background:var(--track);padding:.6rem;border-radius:4px}\
.dim{color:var(--dim)}.bad{color:var(--bad)}.warn{border-left:3px solid var(--bad);padding-left:.7rem}\
.tiles{display:grid;grid-template-columns:repeat(auto-fit,minmax(min(100%,15rem),1fr));gap:.8rem;margin:1rem 0}\
.tile{border:1px solid var(--line);border-radius:6px;padding:.6rem .8rem}.tile b{font-size:1.35rem;display:block}\
.track{display:flex;height:10px;background:var(--track);border-radius:2px;overflow:hidden;position:relative;margin:.3rem 0}\
.track i{display:block;height:100%;background:var(--bar)}.track i+i{background:var(--two)}.track i+i+i{background:var(--three)}.track i.over,.row i.over{background:var(--bad)}\
.three{display:grid;grid-template-columns:repeat(auto-fit,minmax(min(100%,22rem),1fr));gap:0 2rem}\
.row{display:grid;grid-template-columns:minmax(0,11rem) 1fr 5.5rem;gap:.5rem;align-items:center;font-size:.85rem;line-height:1.35;padding:.1rem 0}\
.row .name{overflow:hidden;white-space:nowrap;text-overflow:ellipsis;direction:rtl;text-align:left}\
.row .track{margin:0}.row .v{text-align:right;font-variant-numeric:tabular-nums}\
table{border-collapse:collapse;font-size:.85rem;width:100%;overflow-wrap:break-word}table.wide td:first-child,table.pairs td:last-child{overflow-wrap:anywhere}table.pairs td:first-child{width:30%}th,td{text-align:left;vertical-align:top;padding:.2rem .7rem .2rem 0;border-bottom:1px solid var(--line)}\
th{font-weight:600;overflow-wrap:normal}.n{text-align:right;font-variant-numeric:tabular-nums}td.n{white-space:nowrap}\
@media(max-width:60rem){table.wide tr:first-child{display:none}table.wide tr{display:grid;grid-template-columns:repeat(auto-fill,minmax(9rem,1fr));border-bottom:1px solid var(--line);padding:.3rem 0}\
table.wide td{border:0;padding:.1rem .5rem .1rem 0;text-align:left;white-space:normal}table.wide td:empty{display:none}table.wide td[data-l]:before{content:attr(data-l);display:block;color:var(--dim);font-size:.75rem;line-height:1.1}table.wide td:first-child{grid-column:1/-1;font-weight:600}}\
.plot{display:grid;grid-template-columns:auto minmax(0,1fr);gap:.2rem .6rem;font-size:.75rem;color:var(--dim);font-variant-numeric:tabular-nums}\
.plot .y{display:flex;flex-direction:column;justify-content:space-between;text-align:right}.plot .x{grid-column:2;display:flex;justify-content:space-between}\
.plot svg{width:100%;height:16rem;display:block;border-left:1px solid var(--line);border-bottom:1px solid var(--line)}\
svg.spark{width:7.5rem;height:1.6rem;display:block}\
.bar{fill:var(--bar)}.over{fill:var(--bad)}.codes{fill:var(--soft)}.buf{fill:var(--soft);stroke:var(--bar);stroke-width:.5}.line{fill:none;stroke:var(--fg);stroke-width:1.5}\
.grid{stroke:var(--line)}rect,line,polyline{vector-effect:non-scaling-stroke}summary{cursor:pointer}";
