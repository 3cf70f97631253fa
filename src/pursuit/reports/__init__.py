"""Reports: scores as tables, plots and JSON."""
