"""Policy documents: from text to a policy, and everything that is wrong with one."""
