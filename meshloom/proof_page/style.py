"""How the page looks: by day, by night, and on paper."""

from __future__ import annotations

STYLE = """
:root { color-scheme: light dark; --ink: #1b1f24; --paper: #fff; --soft: #6a737d; --line: #d0d7de;
  --good: #1a7f37; --bad: #cf222e; --none: #9a6700; --box: #f6f8fa; --blue: #0969da;
  --allowed: #d7e9d9; }
@media (prefers-color-scheme: dark) { :root { --ink: #e6edf3; --paper: #0d1117; --soft: #8d96a0;
  --line: #30363d; --good: #3fb950; --bad: #f85149; --none: #d29922; --box: #161b22;
  --blue: #58a6ff; --allowed: #1d3a24; } }
@media print { :root { color-scheme: light; --ink: #000; --paper: #fff; --soft: #444; --line: #999;
  --good: #1a7f37; --bad: #cf222e; --none: #9a6700; --box: #fff; --blue: #0550ae;
  --allowed: #d7e9d9; }
  article { break-inside: avoid; } details > * { display: block; } }
body { margin: 2rem auto; max-width: 62rem; padding: 0 1rem; background: var(--paper);
  color: var(--ink); font: 15px/1.45 system-ui, sans-serif; }
h1 { font-size: 1.5rem; margin: 0; } h2 { font-size: 1.05rem; margin: 0 0 .4rem; }
header p, .place, figcaption { color: var(--soft); margin: .2rem 0; }
code, pre, .place { font: 13px/1.4 ui-monospace, monospace; overflow-wrap: anywhere; }
article { border: 1px solid var(--line); border-left: 5px solid var(--good); border-radius: 5px;
  padding: .7rem 1rem; margin: .8rem 0; }
article.fails { border-left-color: var(--bad); }
table { border-collapse: collapse; width: 100%; } td, th { text-align: left; vertical-align: top;
  padding: .15rem .8rem .15rem 0; overflow-wrap: anywhere; } th { color: var(--soft);
  font-weight: normal; font-size: 13px; }
.mark.good { color: var(--good); } .mark.bad { color: var(--bad); }
pre { white-space: pre-wrap; background: var(--box); padding: .4rem .6rem; margin: .3rem 0; }
.wide { overflow-x: auto; } svg text { fill: var(--ink); font: 12px system-ui, sans-serif; }
svg.mesh rect { fill: var(--box); stroke: var(--line); } svg.mesh .outside rect
  { stroke-dasharray: 4 3; } svg.mesh .name { font-weight: 600; }
svg.mesh .pattern { fill: var(--blue); } svg.mesh .on-edge { text-anchor: middle;
  paint-order: stroke; stroke: var(--paper); stroke-width: 3px; }
svg.mesh path { fill: none; stroke: var(--soft); stroke-width: 1.3; } svg.mesh marker path
  { fill: var(--soft); stroke: none; }
svg.plot { width: 100%; height: auto; } figure { margin: .6rem 0; } figcaption { font-size: 13px; }
svg .axis { fill: none; stroke: var(--line); } svg .tick { fill: var(--soft); font-size: 11px; }
.dots { fill: none; stroke-width: 4; stroke-linecap: round; stroke: var(--good); opacity: .7; }
.dots.bad { stroke: var(--bad); opacity: 1; } .dots.none { stroke: var(--none); opacity: 1; }
.happened rect { fill: var(--blue); opacity: .14; } .happened text { font-size: 10px;
  fill: var(--blue); }
.bins rect { fill: var(--blue); opacity: .75; } .limit { stroke: var(--bad);
  stroke-dasharray: 4 3; }
.bar .track { fill: var(--line); } .bar .allowed { fill: var(--allowed); stroke: var(--good);
  stroke-width: .5; } .bar .seen { fill: var(--good); } .bar.bad .seen { fill: var(--bad); }
"""
