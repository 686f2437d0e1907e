"""Figures, galleries and reports from tables; numpy, polars and plotly only."""
