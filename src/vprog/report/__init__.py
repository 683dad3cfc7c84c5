"""Reports: one self-contained HTML file a run, traces in a terminal, tables of figures."""
