"""How a gate decides: pure functions of policy, school, evidence, people, calendar and now."""
