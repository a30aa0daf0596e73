/// The style sheet of the page: system fonts, light and dark, wide and narrow, paper.
enum Stylesheet {
  static let text = """
    :root{color-scheme:light dark;--paper:#fff;--surface:#f6f8fa;--ink:#17202b;--quiet:#4f5b69;--line:#d4dbe3;
    --strong:#8793a1;--accent:#0b5cad;--tint:#e6f0fa;--warn:#8a5a00;--warn-tint:#fdf5e2;
    --c0:#0b5cad;--c1:#b5400a;--c2:#0a7358;--c3:#8a3ea8;--c4:#7d6000;--c5:#0c7389;--c6:#a31d55;--c7:#4d5563;
    --p0:#b9d6f3;--p1:#f5d3b0;--p2:#bfe4d4;--p3:#dfcdeb;
    --h1:#e9f2fb;--h2:#d3e5f6;--h3:#bdd8f2;--h4:#a7cbed;--h5:#91bee8;--h6:#7bb1e3}
    @media (prefers-color-scheme:dark){:root{--paper:#11161d;--surface:#19202a;--ink:#e9eef4;--quiet:#a9b5c3;
    --line:#323c49;--strong:#74818f;--accent:#74b6ff;--tint:#16283d;--warn:#e8bf5a;--warn-tint:#2a2414;
    --c0:#74b6ff;--c1:#ff9c66;--c2:#4fd1a5;--c3:#d6a2ee;--c4:#e0c04c;--c5:#62d0e6;--c6:#ff8fb8;--c7:#b6bec9;
    --p0:#1f4a78;--p1:#77431a;--p2:#1b5a48;--p3:#56396c;
    --h1:#16283d;--h2:#18324f;--h3:#1a3c61;--h4:#1c4673;--h5:#1e5085;--h6:#205a97}}
    @media print{:root{color-scheme:light}nav,.skip{display:none!important}section{break-inside:auto}
    figure,.card,article{break-inside:avoid}body{font-size:10pt}.scroll{overflow:visible!important}
    svg.wide{display:block!important}svg.narrow{display:none!important}h2,h3{break-after:avoid}
    tr,.matrix,.heat{break-inside:avoid}table{font-size:8pt!important}th,td{padding:4px 6px!important}}
    *{box-sizing:border-box}
    html{-webkit-text-size-adjust:100%;scroll-padding-top:1rem}
    body{margin:0 auto;max-width:1128px;padding:40px 32px 64px;background:var(--paper);color:var(--ink);
    font:16px/1.55 system-ui,-apple-system,"Segoe UI",Roboto,"Helvetica Neue",Arial,sans-serif;
    font-variant-numeric:tabular-nums;overflow-wrap:anywhere}
    h1{font-size:2.25rem;line-height:1.15;letter-spacing:-.02em;margin:0 0 8px}
    h2{font-size:1.375rem;line-height:1.3;letter-spacing:-.01em;margin:0 0 8px}
    h3{font-size:1rem;margin:20px 0 8px}
    h3 small,.quiet,small{color:var(--quiet);font-weight:400}
    small,.quiet{font-size:.875rem}
    p{margin:0 0 12px;max-width:76ch}
    a{color:var(--accent);text-underline-offset:3px}
    :focus-visible{outline:3px solid var(--accent);outline-offset:2px;border-radius:2px}
    .skip{position:absolute;left:-999px}.skip:focus{position:static}
    .hidden{position:absolute;width:1px;height:1px;overflow:hidden;clip-path:inset(50%);white-space:nowrap}
    .eyebrow{font-size:.8125rem;font-weight:600;letter-spacing:.06em;text-transform:uppercase;color:var(--quiet);
    margin:0 0 4px}
    .lead{color:var(--quiet);font-size:1.0625rem;margin-bottom:24px}
    .card{border:1px solid var(--line);border-radius:10px;background:var(--surface);padding:20px 24px}
    .verdict{border-left:6px solid var(--accent)}
    .choice{font-size:1.75rem;font-weight:700;line-height:1.2;margin:0 0 6px}
    .reason{font-size:1.0625rem}
    .notes{margin-top:16px;background:var(--warn-tint);border-left:6px solid var(--warn)}
    .notes h2{font-size:1.0625rem}.notes ul{margin:0;padding-left:20px}
    .figures{display:flex;flex-wrap:wrap;gap:12px 36px;margin:16px 0;padding:0;list-style:none}
    .figures .term{display:block;font-size:.8125rem}.term{color:var(--quiet)}
    .figures strong{font-size:1.25rem}
    nav ul{display:flex;flex-wrap:wrap;gap:4px 20px;list-style:none;margin:24px 0 0;padding:0;font-size:.9375rem}
    nav a{display:inline-block;padding:4px 0}
    section{margin-top:48px;padding-top:24px;border-top:1px solid var(--line)}
    .verdicts{margin:0 0 16px;padding-left:20px}
    details{margin:8px 0}summary{cursor:pointer;color:var(--accent);padding:4px 0;font-size:.9375rem}
    figure{margin:8px 0 0}
    figcaption{font-size:.8125rem;color:var(--quiet)}
    svg{display:block;width:100%;height:auto;overflow:visible}
    svg.narrow{display:none}svg.small{max-width:420px}
    .scroll{overflow-x:auto;margin:8px 0 12px}
    table{border-collapse:collapse;font-size:.875rem;line-height:1.4;overflow-wrap:normal}
    th,td{padding:6px 9px;text-align:right;border-bottom:1px solid var(--line);vertical-align:bottom}
    th:first-child,td:first-child{text-align:left;padding-left:0}
    thead th{white-space:nowrap;font-weight:600;color:var(--quiet);border-bottom:2px solid var(--strong)}
    tbody th{font-weight:600;white-space:nowrap}td{white-space:nowrap}
    .badge{display:block;width:max-content;margin-top:2px;padding:1px 8px;border-radius:9px;background:var(--tint);color:var(--accent);
    font-size:.75rem;font-weight:600;white-space:nowrap}
    .badge.over{background:none;color:inherit;box-shadow:inset 0 0 0 1px currentColor}
    .upright{writing-mode:vertical-rl;transform:rotate(180deg);display:inline-block;max-height:16em;
    white-space:nowrap;text-align:left;line-height:1.2}
    .heat th,.heat td,.matrix th,.matrix td{padding:3px;text-align:center}
    .heat th:first-child,.matrix th:first-child{text-align:left;padding-right:12px;white-space:nowrap}
    .heat td,.matrix td{border:0;padding:1px}.heat th:not(:first-child){padding:3px 8px}
    .bits,.cell{display:block;min-width:34px;padding:4px 6px;border-radius:4px;text-align:center}
    td:not(:only-child)>.bits{display:inline-block}
    .b1,.b2,.h1{background:var(--h1)}.b3,.h2{background:var(--h2)}.b4,.h3{background:var(--h3)}.h4{background:var(--h4)}
    .h5{background:var(--h5)}.b8,.h6{background:var(--h6)}
    .h0{color:var(--quiet)}.hit{font-weight:700;outline:1px solid var(--strong);outline-offset:-1px}
    .chosen{color:var(--accent);border-bottom:2px solid var(--accent)}
    .grid{display:grid;grid-template-columns:repeat(auto-fill,minmax(min(300px,100%),1fr));gap:16px 32px;align-items:start}
    .ranges h3{margin:12px 0 4px;border-bottom:1px solid var(--line);padding-bottom:4px}
    .samples{list-style:none;margin:0;padding:0;display:grid;
    grid-template-columns:repeat(auto-fill,minmax(min(240px,100%),1fr));gap:12px}
    .samples .card{padding:12px;display:flex;gap:12px;align-items:flex-start}
    .samples img{width:72px;height:auto;flex:none;image-rendering:pixelated;border-radius:4px;background:#888}
    .samples svg{width:110px;flex:none}
    .samples ul{margin:0;padding:0;list-style:none;font-size:.875rem}
    .differs>bdi{font-weight:700;color:var(--c1)}
    .samples .file{margin:0 0 4px;font-size:.8125rem;color:var(--quiet)}
    pre{margin:0 0 12px;padding:12px 16px;border:1px solid var(--line);border-radius:8px;background:var(--surface);
    overflow-x:auto;font-size:.875rem;white-space:pre-wrap;overflow-wrap:anywhere}
    .command p{margin:0 0 4px}
    footer{margin-top:48px;padding-top:16px;border-top:1px solid var(--line);color:var(--quiet);font-size:.875rem}
    text{fill:var(--ink);font-size:13px}.quiet{color:var(--quiet)}
    text.tick{fill:var(--quiet);font-size:12px}text.row{font-size:12px}text.inside{font-size:11px}
    text.strong{font-weight:700}text.quiet{fill:var(--quiet)}
    .label{paint-order:stroke;stroke:var(--paper);stroke-width:3px;stroke-linejoin:round}
    .inside,rect+.label{stroke:none}
    line.grid{stroke:var(--line);stroke-width:1}.axis{stroke:var(--strong);stroke-width:1.2}
    line.zero{stroke:var(--strong);stroke-width:1;stroke-dasharray:2 2}
    .band{fill:var(--quiet);opacity:.12}.reference{stroke:var(--quiet);stroke-width:1.5;stroke-dasharray:7 5}
    .frontier{fill:none;stroke:var(--strong);stroke-width:1.5}
    .leader{stroke:var(--c);stroke-width:1}text[class*=" c"]{fill:var(--c)}
    .interval{stroke:var(--c);stroke-width:2}.series{fill:none;stroke:var(--c);stroke-width:1.6;opacity:.75}
    .mark{fill:var(--c);stroke:var(--paper);stroke-width:1.2}.ring{fill:none;stroke:var(--ink);stroke-width:2}
    .stripe{fill:var(--surface)}.bars{fill:var(--strong)}
    .part{stroke:var(--strong);stroke-width:1}.p0{fill:var(--p0)}.p1{fill:var(--p1)}.p2{fill:var(--p2)}.p3{fill:var(--p3)}
    .buffer{fill:var(--p0);stroke:var(--c0);stroke-width:1.2;fill-opacity:.85}
    .buffer.scratch{fill:var(--p1);stroke:var(--c1);stroke-dasharray:4 2}
    .wave{fill:none;stroke:var(--c0);stroke-width:1}
    .c0{--c:var(--c0)}.c1{--c:var(--c1)}.c2{--c:var(--c2)}.c3{--c:var(--c3)}.c4{--c:var(--c4)}.c5{--c:var(--c5)}
    .c6{--c:var(--c6)}.c7{--c:var(--c7)}
    @media (max-width:720px){body{padding:24px 16px 48px;font-size:1rem}h1{font-size:1.75rem}
    .heat tbody th{white-space:normal;overflow-wrap:anywhere;min-width:8em}svg.wide{display:none}svg.narrow{display:block;max-width:520px}.card{padding:16px}.figures{gap:10px 24px}
    section{margin-top:36px}}

    """
}
