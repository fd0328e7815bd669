"""The ills that a mesh can have, by where they lie: delivery, health, filters, routes, traps."""
