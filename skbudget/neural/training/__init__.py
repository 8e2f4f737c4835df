"""How `PAUCClassifier` trains: rows, network, loop; it needs skorch."""
