"""Grafana dashboards as code; the JSON beside this package is committed and CI fails on drift."""
