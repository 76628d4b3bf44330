"""Publishes imagined school life as raw events onto Kafka. Nothing past Kafka knows of it but the mark `simulated`."""
